"""every message that shows a picture; the process that handles an update kept in the database"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("shown_message_ids", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False)
    op.add_column("jobs", column)
    op.execute(
        "update jobs set shown_message_ids = array[result_message_id] where state = 'delivered' "
        "and chat_id = user_id and result_message_id is not null and album_sent_at is null"
    )
    op.add_column(
        "spooled_updates",
        sa.Column("claimed_until", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("spooled_updates", "claimed_until")
    op.drop_column("jobs", "shown_message_ids")
