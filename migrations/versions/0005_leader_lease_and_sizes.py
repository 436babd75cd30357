"""the leader's lease; what a hand-out is planned by: quality of photos, references that a worker reads"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leader_lease",
        sa.Column("id", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="leader_lease_once"),
    )
    op.add_column("workers", sa.Column("references_max", sa.Integer(), server_default="8", nullable=False))
    op.add_column("reference_photos", sa.Column("quality", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("reference_photos", "quality")
    op.drop_column("workers", "references_max")
    op.drop_table("leader_lease")
