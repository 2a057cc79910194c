-- The logins and the database of Locket, for an empty cluster. The image of PostgreSQL runs this once,
-- with psql and as `postgres`; the passwords are files, so that they are in no environment and no list
-- of processes. `locket_owner` makes the schema (`locket migrate`); `locket` is who Locket serves as:
-- it owns nothing and has only what the two roles have that each transaction takes on.

\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/database-owner-password`
\set login_password `cat /run/secrets/database-password`

-- A statement that fails is not written to the log with the password in it.
SET log_min_error_statement = panic;
SET log_statement = none;

CREATE ROLE locket_app NOLOGIN;
CREATE ROLE locket_system NOLOGIN;
CREATE ROLE locket_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE locket LOGIN NOINHERIT PASSWORD :'login_password';
GRANT locket_app, locket_system TO locket;

CREATE DATABASE locket OWNER locket_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE locket FROM PUBLIC;
GRANT CONNECT ON DATABASE locket TO locket;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
