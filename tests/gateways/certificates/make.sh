#!/bin/sh
# Makes the certificates of these tests anew, in the directory of this script. They are worth nothing outside of tests:
# the keys of both authorities are thrown away, the others lie beside their certificates for everybody to read.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"; }

authority() {
    key "$1"
    openssl req -x509 -new -key "$work/$1.key" -sha256 -days 36500 -subj "/O=$2" -out "$work/$1.pem" \
        -addext "basicConstraints=critical,CA:true" -addext "keyUsage=critical,keyCertSign"
}

# Name of the file, its authority, subject, alternative names, use.
leaf() {
    key "$1"
    openssl req -new -key "$work/$1.key" -subj "$3" -out "$work/$1.csr"
    { echo "basicConstraints=critical,CA:false"; echo "keyUsage=critical,digitalSignature"; echo "extendedKeyUsage=$5"
      if [ -n "$4" ]; then echo "subjectAltName=$4"; fi; } > "$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -CAcreateserial -sha256 -days 36500 \
        -extfile "$work/$1.ext" -out "$work/$1.crt"
    cat "$work/$1.crt" "$work/$1.key" > "$1.pem"
}

authority authority "Partners of the example"
authority elsewhere "Somebody else"
cp "$work/authority.pem" authority.pem
leaf server   authority "/CN=gateway.example" "DNS:gateway.example" serverAuth
leaf one      authority "/CN=One"    "URI:spiffe://partners.example/client-one,DNS:one.partners.example" clientAuth
leaf two      authority "/CN=Two"    "URI:spiffe://partners.example/client-two" clientAuth
leaf nobody   authority "/CN=Nobody" "URI:spiffe://partners.example/client-nobody" clientAuth
leaf nameless authority "/CN=client-one" "" clientAuth
leaf stranger elsewhere "/CN=One"    "URI:spiffe://partners.example/client-one" clientAuth
