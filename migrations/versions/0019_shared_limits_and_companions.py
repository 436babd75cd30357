"""limits that all processes share, acts of keys in the audit log, two people in one picture"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FORGET_IDS = """
create or replace function forget_user_ids() returns trigger language plpgsql as $$
begin
    update audit_entries set user_id = null where user_id = old.id;
    update access_rules set user_id = null where user_id = old.id;
    delete from admin_questions where subject = old.id and kind in ('grant', 'limit');
    {more}
    return old;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "api_allowances",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "api_streams",
        sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
        sa.Column("key_id", sa.Text(), sa.ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )
    op.create_index("api_streams_key", "api_streams", ["key_id"])
    op.execute(FORGET_IDS.format(more="delete from api_allowances where name = 'user ' || old.id;"))
    op.alter_column("audit_entries", "admin_id", nullable=True)
    op.add_column("audit_entries", sa.Column("key_id", sa.Text(), nullable=True))
    op.create_check_constraint("audit_entries_one_actor", "audit_entries", "num_nonnulls(admin_id, key_id) = 1")
    op.add_column("users", sa.Column("companion_id", postgresql.UUID(as_uuid=True), nullable=True))
    op.create_foreign_key(
        "users_companion_id_fkey", "users", "people", ["companion_id"], ["id"], ondelete="SET NULL"
    )  # fmt: skip
    op.create_index(
        "users_companion_id", "users", ["companion_id"], postgresql_where=sa.text("companion_id is not null")
    )
    op.add_column("jobs", sa.Column("companion_id", postgresql.UUID(as_uuid=True), nullable=True))
    op.add_column(
        "jobs",
        sa.Column(
            "companion_reference_ids",
            postgresql.ARRAY(postgresql.UUID(as_uuid=True)),
            server_default="{}",
            nullable=False,
        ),
    )
    op.add_column("workers", sa.Column("companion", sa.Boolean(), server_default=sa.false(), nullable=False))


END_JOBS_OF_TWO = """
update jobs set state = 'failed', failure = 'bad_companion', finished_at = now(), lease_until = null, handed_at = null
where companion_id is not null and state in ('queued', 'running')
"""
"""The version before would draw one person. It says that the picture failed, and gives the credits back."""


def downgrade() -> None:
    op.execute(END_JOBS_OF_TWO)
    op.drop_column("workers", "companion")
    for column in ("companion_reference_ids", "companion_id"):
        op.drop_column("jobs", column)
    op.drop_column("users", "companion_id")
    op.drop_constraint("audit_entries_one_actor", "audit_entries")
    op.execute("alter table audit_entries disable trigger audit_entries_append_only")
    # what the version before cannot show
    op.execute("delete from audit_entries where admin_id is null or act in ('make-key', 'revoke-key')")
    op.execute("alter table audit_entries enable trigger audit_entries_append_only")
    op.drop_column("audit_entries", "key_id")
    op.alter_column("audit_entries", "admin_id", nullable=False)
    op.execute(FORGET_IDS.format(more=""))
    op.drop_table("api_streams")
    op.drop_table("api_allowances")
