"""a ledger of credits, payments in Stars, invitations; the history of consents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SIGNS = (
    "case kind when 'reserve' then amount < 0 when 'settle' then amount = 0 "
    "when 'refund' then amount <= 0 when 'grant' then amount >= 0 else amount > 0 end"
)
APPEND_ONLY = """
create function credit_entries_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and pg_trigger_depth() > 1 then  -- the whole user is being deleted
        return old;
    end if;
    raise exception 'credit_entries is append-only: book another entry';
end $$
"""


def upgrade() -> None:
    op.add_column("users", sa.Column("invitation_code", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("invited_by", sa.BigInteger(), nullable=True))
    op.create_unique_constraint("users_invitation_code_key", "users", ["invitation_code"])
    op.create_foreign_key("users_invited_by_fkey", "users", "users", ["invited_by"], ["id"], ondelete="SET NULL")
    op.create_index("users_invited", "users", ["invited_by"], postgresql_where=sa.text("invited_by is not null"))

    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("consents_user", "consents", ["user_id"])
    op.execute(
        "insert into consents (user_id, version, language, given_at) "
        "select id, consent_version, language, coalesce(consent_at, created_at) from users "
        "where consent_version is not null"
    )

    op.create_table(
        "payments",
        sa.Column("charge_id", sa.Text(), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("payments_user", "payments", ["user_id"])

    op.create_table(
        "credit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, unique=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("charge_id", sa.Text(), nullable=True),
        sa.Column("admin_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(SIGNS, name="credit_entries_sign"),
        sa.CheckConstraint(
            "(kind in ('reserve', 'settle', 'release')) = (job_id is not null)", name="credit_entries_job"
        ),
    )
    op.create_index("credit_entries_user", "credit_entries", ["user_id", "day"])
    op.create_index(
        "credit_entries_reserved", "credit_entries", ["job_id"], postgresql_where=sa.text("kind = 'reserve'")
    )
    op.execute(APPEND_ONLY)
    op.execute(
        "create trigger credit_entries_append_only before update or delete on credit_entries "
        "for each row execute function credit_entries_append_only()"
    )

    op.create_table(
        "departures",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("left_on", sa.Date(), nullable=False),
        sa.Column("free_used", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    for table in ("departures", "credit_entries", "payments", "consents"):
        op.drop_table(table)
    op.execute("drop function credit_entries_append_only")
    op.drop_index("users_invited", "users")
    op.drop_constraint("users_invited_by_fkey", "users", type_="foreignkey")
    op.drop_constraint("users_invitation_code_key", "users", type_="unique")
    op.drop_column("users", "invited_by")
    op.drop_column("users", "invitation_code")
