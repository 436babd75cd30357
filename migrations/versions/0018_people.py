"""several people per user, each with photos of their own; the photos that there are become the first person's"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("question_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("people_user", "people", ["user_id", "chosen_at"])
    op.add_column("reference_photos", sa.Column("person_id", postgresql.UUID(as_uuid=True), nullable=True))
    op.add_column("reference_photos", sa.Column("cover_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        "reference_photos_person_id_fkey", "reference_photos", "people", ["person_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index("reference_photos_person", "reference_photos", ["person_id"])
    op.add_column("jobs", sa.Column("person_id", postgresql.UUID(as_uuid=True), nullable=True))
    op.execute(
        "insert into people (id, user_id, created_at) "
        "select gen_random_uuid(), user_id, min(created_at) from reference_photos group by user_id"
    )
    for table in ("reference_photos", "jobs"):
        op.execute(f"update {table} set person_id = people.id from people where people.user_id = {table}.user_id")


def downgrade() -> None:
    """All photos of a user are one person's again."""
    op.drop_column("jobs", "person_id")
    op.drop_column("reference_photos", "cover_at")
    op.drop_column("reference_photos", "person_id")
    op.drop_table("people")
