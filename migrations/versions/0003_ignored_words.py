"""phrases of a prompt that cannot be drawn"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("ignored_words", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "ignored_words")
