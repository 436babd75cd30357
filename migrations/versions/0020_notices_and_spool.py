"""the time of a user's notice of deletion; updates confirmed to Telegram before they are done"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("retention_notice_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("users_active", "users", ["active_at"])
    op.create_table(
        "spooled_updates",
        sa.Column("update_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("spooled_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("spooled_updates")
    op.drop_index("users_active", "users")
    op.drop_column("users", "retention_notice_at")
