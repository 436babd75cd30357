"""several people on a photo, one of whom is chosen; hints on accepted photos"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reference_photos", sa.Column("hints", sa.Text(), nullable=True))
    for column in ("boxes", "person"):
        op.add_column("reference_photos", sa.Column(column, postgresql.JSONB(none_as_null=True), nullable=True))


def downgrade() -> None:
    for column in ("person", "boxes", "hints"):
        op.drop_column("reference_photos", column)
