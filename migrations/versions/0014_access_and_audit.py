"""rules of access, the audit log of admins, counters that outlive users, questions to admins"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

AUDIT_APPEND_ONLY = """
create function audit_entries_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1 then  -- the data of a user are being deleted
        return new;
    end if;
    raise exception 'audit_entries is append-only';
end $$
"""
FORGET_IDS = """
create function forget_user_ids() returns trigger language plpgsql as $$
begin
    update audit_entries set user_id = null where user_id = old.id;
    update access_rules set user_id = null where user_id = old.id;
    delete from admin_questions where subject = old.id and kind in ('grant', 'limit');
    return old;
end $$
"""
KEEP_COUNTS = """
create function keep_counts_of_user() returns trigger language plpgsql as $$
declare
    came timestamptz := date_trunc('hour', old.created_at, 'UTC');
    pictures bigint;
begin
    insert into usage_counters (hour, name, label, count)
        select date_trunc('hour', created_at, 'UTC'), 'job',
            case when state in ('delivered', 'failed') then state else 'cancelled' end || ':' || coalesce(failure, ''),
            count(*)
        from jobs where user_id = old.id group by 1, 3;
    insert into usage_counters (hour, name, label, count)
        select date_trunc('hour', created_at, 'UTC'), 'style', style, count(*)
        from jobs where user_id = old.id group by 1, 3;
    insert into usage_counters (hour, name, count)
        select date_trunc('hour', created_at, 'UTC'), 'drawing_ms', sum((seconds * 1000)::bigint)
        from jobs where user_id = old.id and seconds is not null group by 1;
    select count(*) into pictures from jobs where user_id = old.id and state = 'delivered';
    insert into usage_counters (hour, name, label, count)
        select came, 'funnel', step, 1 from (values
            ('start', true),
            ('consent', old.consent_version is not null),
            ('photo', exists (select from jobs where user_id = old.id)
                or exists (select from reference_photos where user_id = old.id and state = 'accepted')),
            ('picture', pictures >= 1),
            ('second', pictures >= 2)
        ) as steps (step, reached) where reached;
    insert into usage_counters (hour, name, count) values (date_trunc('hour', now(), 'UTC'), 'departure', 1);
    return old;
end $$
"""
COUNT_REJECTED = """
create function count_rejected_photo() returns trigger language plpgsql as $$
begin
    insert into usage_counters (hour, name, label, count)
        values (date_trunc('hour', now(), 'UTC'), 'photo', coalesce(new.verdict, ''), 1);
    return new;
end $$
"""
TRIGGERS = (
    "create trigger audit_entries_append_only before update or delete on audit_entries "
    "for each row execute function audit_entries_append_only()",
    "create trigger forget_user_ids after delete on users for each row execute function forget_user_ids()",
    "create trigger keep_counts_of_user before delete on users for each row execute function keep_counts_of_user()",
    "create trigger count_rejected_photo after update of state on reference_photos for each row "
    "when (new.state = 'rejected' and old.state <> 'rejected') execute function count_rejected_photo()",
    "create trigger count_refused_photo after insert on reference_photos for each row "
    "when (new.state = 'rejected') execute function count_rejected_photo()",
)


def upgrade() -> None:
    op.create_table(
        "access_rules",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True, unique=True),
        sa.Column("allowed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("banned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("daily_limit", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_table(
        "access_closures",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("id = 1", name="access_closures_one_row"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("admin_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("audit_entries_user", "audit_entries", ["user_id"])
    op.create_table(
        "admin_questions",
        sa.Column("admin_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_table(
        "usage_counters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_index("usage_counters_hour", "usage_counters", ["hour"])
    for function in (AUDIT_APPEND_ONLY, FORGET_IDS, KEEP_COUNTS, COUNT_REJECTED):
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    for trigger, table in (
        ("count_refused_photo", "reference_photos"),
        ("count_rejected_photo", "reference_photos"),
        ("keep_counts_of_user", "users"),
        ("forget_user_ids", "users"),
    ):
        op.execute(f"drop trigger {trigger} on {table}")
    for table in ("usage_counters", "admin_questions", "audit_entries", "access_closures", "access_rules"):
        op.drop_table(table)
    for function in ("audit_entries_append_only", "forget_user_ids", "keep_counts_of_user", "count_rejected_photo"):
        op.execute(f"drop function {function}")
