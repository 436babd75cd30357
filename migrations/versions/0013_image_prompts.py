"""image prompts: pictures whose style is followed; the workers that read them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("image_prompt", "image_prompt_pinned"):
        op.add_column("users", sa.Column(column, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("users", sa.Column("image_prompt_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "image_prompts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("album_id", sa.Text(), nullable=True),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("image_prompts_user", "image_prompts", ["user_id", "created_at"])
    op.add_column("jobs", sa.Column("image_prompt_id", sa.UUID(), nullable=True))
    op.add_column(
        "jobs", sa.Column("image_prompt_skipped", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("workers", sa.Column("image_prompt", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    op.drop_column("workers", "image_prompt")
    op.drop_column("jobs", "image_prompt_skipped")
    op.drop_column("jobs", "image_prompt_id")
    op.drop_table("image_prompts")
    for column in ("image_prompt_asked_at", "image_prompt_pinned", "image_prompt"):
        op.drop_column("users", column)
