"""the aspect of pictures to come; the aspects that a worker draws"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("aspect", sa.Text(), nullable=True))
    op.add_column(
        "workers", sa.Column("aspects", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )  # fmt: skip


def downgrade() -> None:
    op.drop_column("workers", "aspects")
    op.drop_column("users", "aspect")
