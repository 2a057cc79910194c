#!/bin/sh
# Makes ./secrets for compose.yaml: the root key, passwords, and certificates for PostgreSQL
# and Valkey from an authority of their own whose key is thrown away. Each file belongs to the one user that reads it, so it
# is run as root. What is there already stays as it is.
#
#   sh deploy/make-secrets.sh [FOLDER]
#   sh deploy/make-secrets.sh --renew [FOLDER]   other certificates and another authority, and nothing else
set -eu
umask 077

renew=
if [ "${1:-}" = --renew ]; then
  renew=yes
  shift
fi
folder=${1:-./secrets}
locket=65532
postgres=999
valkey=999

# Two years: neither PostgreSQL nor Valkey renews it, and nobody outside the internal network sees it.
make_certificates() {
  curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  openssl req -x509 $curve -days 730 -subj '/CN=Locket database authority' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign' \
    -keyout "$1/authority.key" -out "$1/database-ca.crt" 2>/dev/null
  for name in postgres valkey; do
    openssl req -new $curve -subj "/CN=$name" \
      -keyout "$1/$name/server.key" -out "$1/server.csr" 2>/dev/null
    printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$name" >"$1/server.ext"
    openssl x509 -req -in "$1/server.csr" -days 730 -extfile "$1/server.ext" \
      -CA "$1/database-ca.crt" -CAkey "$1/authority.key" -CAcreateserial \
      -out "$1/$name/server.crt" 2>/dev/null
  done
  rm "$1/authority.key" "$1/server.csr" "$1/server.ext"
  rm -f "$1"/*.srl
}

give_away() {
  find "$1" -type f -exec chmod 0400 {} +
  chmod 0444 "$1/database-ca.crt"
  chown -R "$postgres:$postgres" "$1/postgres"
  chown -R "$valkey" "$1/valkey"
}

draft=$folder.unfinished

if [ "$renew" ]; then
  if [ ! -e "$folder/postgres/server.key" ]; then
    echo "there are no certificates in $folder; nothing was changed" >&2
    exit 1
  fi
  rm -rf "$draft"
  mkdir -p "$draft/postgres" "$draft/valkey"
  make_certificates "$draft"
  give_away "$draft"
  for name in postgres valkey; do
    mv -f "$draft/$name/server.key" "$draft/$name/server.crt" "$folder/$name/"
  done
  mv -f "$draft/database-ca.crt" "$folder/"
  rm -rf "$draft"
  echo "made other certificates in $folder: docker compose up --detach --force-recreate"
  exit 0
fi

if [ -e "$folder" ]; then
  echo "$folder is there already; nothing was changed" >&2
  exit 1
fi

rm -rf "$draft"
mkdir -p "$draft/locket" "$draft/postgres" "$draft/valkey"

openssl rand -base64 32 >"$draft/locket/root-key"
for name in database-password database-owner-password; do
  openssl rand -hex 32 >"$draft/locket/$name"
  cp "$draft/locket/$name" "$draft/postgres/$name"
done
openssl rand -hex 32 >"$draft/postgres/postgres-password"

make_certificates "$draft"

openssl rand -hex 32 >"$draft/locket/valkey-password"
{
  echo 'port 0'
  echo 'tls-port 6379'
  echo 'tls-cert-file /run/secrets/valkey-cert'
  echo 'tls-key-file /run/secrets/valkey-key'
  echo 'tls-ca-cert-file /run/secrets/database-ca'
  echo 'tls-auth-clients no'
  echo 'save ""'
  echo 'maxmemory 64mb'
  echo 'maxmemory-policy noeviction'
  printf 'requirepass %s\n' "$(cat "$draft/locket/valkey-password")"
} >"$draft/valkey/valkey.conf"

give_away "$draft"
chmod 0711 "$draft"
chown -R "$locket:$locket" "$draft/locket"
mv "$draft" "$folder"
echo "made $folder; keep a copy of $folder/locket/root-key offline: without it nothing can be read"
