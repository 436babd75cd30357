"""the face on a photo, to notice another person; pose photos are examined"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reference_photos", sa.Column("face", postgresql.ARRAY(sa.REAL()), nullable=True))
    op.add_column(
        "reference_photos", sa.Column("for_pose", sa.Boolean(), server_default=sa.false(), nullable=False)
    )  # fmt: skip


def downgrade() -> None:
    """The version before takes every row for a photo of the person, so those that show a pose go."""
    op.execute("delete from reference_photos where for_pose")
    for column in ("for_pose", "face"):
        op.drop_column("reference_photos", column)
