"""jobs that apps asked for, and the calls about their ends"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_jobs",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("app_id", sa.UUID(), sa.ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key_id", sa.Text(), sa.ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("call_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("app_jobs_once", "app_jobs", ["app_id", "idempotency_key"], unique=True)
    op.create_index("app_jobs_listed", "app_jobs", ["app_id", "created_at", "id"])
    op.create_index("app_jobs_user", "app_jobs", ["user_id"])
    op.create_index("app_jobs_open", "app_jobs", ["created_at"], postgresql_where=sa.text("ended_at is null"))
    op.create_index("app_jobs_calls", "app_jobs", ["call_at"], postgresql_where=sa.text("call_at is not null"))
    op.create_index("jobs_albums", "jobs", ["album_id"], postgresql_where=sa.text("album_id is not null"))


def downgrade() -> None:
    op.drop_index("jobs_albums", "jobs")
    op.drop_table("app_jobs")
