"""likeness, clothes and pose; the translated prompt"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("likeness", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("clothes", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("pose", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("pose_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "pose_photos",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("album_id", sa.Text(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id"),
    )
    op.add_column("jobs", sa.Column("pose", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("pose_photo_id", sa.UUID(), nullable=True))
    op.add_column("jobs", sa.Column("pose_skipped", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("jobs", sa.Column("told_prompt", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("pose", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    op.drop_column("workers", "pose")
    for column in ("told_prompt", "pose_skipped", "pose_photo_id", "pose"):
        op.drop_column("jobs", column)
    op.drop_table("pose_photos")
    for column in ("pose_asked_at", "pose", "clothes", "likeness"):
        op.drop_column("users", column)
