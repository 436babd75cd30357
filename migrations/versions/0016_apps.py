"""apps, keys of the HTTP API, end users of apps"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NOW = sa.func.now()


def upgrade() -> None:
    op.execute("create sequence app_user_ids start 4503599627370496")
    op.create_table(
        "apps",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
    )
    op.create_index("apps_name", "apps", ["user_id", "name"], unique=True)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("app_id", sa.UUID(), sa.ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("api_keys_app", "api_keys", ["app_id"])
    op.add_column("users", sa.Column("app_id", sa.UUID(), nullable=True))
    op.add_column("users", sa.Column("app_user", sa.Text(), nullable=True))
    op.create_foreign_key("users_app_id_fkey", "users", "apps", ["app_id"], ["id"], ondelete="CASCADE")
    op.create_index(
        "users_of_apps", "users", ["app_id", "app_user"], unique=True, postgresql_where=sa.text("app_id is not null")
    )


def downgrade() -> None:
    op.execute("delete from users where app_id is not null")  # their apps go, and nobody could delete them later
    op.drop_index("users_of_apps", "users")
    op.drop_constraint("users_app_id_fkey", "users", type_="foreignkey")
    op.drop_column("users", "app_user")
    op.drop_column("users", "app_id")
    op.drop_table("api_keys")
    op.drop_table("apps")
    op.execute("drop sequence app_user_ids")
