"""results: their messages, favourites, reports, removal, files, albums of variations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("request_message_id", "result_message_id", "edit_message_id"):
        op.add_column("jobs", sa.Column(column, sa.Integer(), nullable=True))
    for column in ("document_file_id", "report_reason"):
        op.add_column("jobs", sa.Column(column, sa.Text(), nullable=True))
    for column in ("album_sent_at", "favourite_at", "reported_at", "removed_at"):
        op.add_column("jobs", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("album_id", sa.UUID(), nullable=True))
    is_shown = sa.text("result_file_id is not null and removed_at is null")
    op.create_index("jobs_gallery", "jobs", ["user_id", "created_at"], postgresql_where=is_shown)
    op.create_index("jobs_originals", "jobs", ["finished_at"], postgresql_where=sa.text("result is not null"))


def downgrade() -> None:
    op.drop_index("jobs_originals", "jobs")
    op.drop_index("jobs_gallery", "jobs")
    for column in (
        "album_id",
        "removed_at",
        "reported_at",
        "favourite_at",
        "album_sent_at",
        "report_reason",
        "document_file_id",
        "edit_message_id",
        "result_message_id",
        "request_message_id",
    ):
        op.drop_column("jobs", column)
