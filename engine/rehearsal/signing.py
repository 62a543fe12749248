"""Signatures: what of a request is signed, and whether a signature is that of a key's holder."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from engine.errors import ConfigError

HMAC, RSA, ED25519 = "HMAC", "RSA", "Ed25519"
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")


class Key(NamedTuple):
    """A key's kind, and whether a signature, as it was sent, is one of a payload by its holder."""

    kind: str
    verify: Callable[[bytes, str], bool]


def of_request(query: str, body: str) -> tuple[bytes, str]:
    """Return what of a request is signed, query and body as they came without the signature, and the signature."""
    signature = ""
    parts = []
    for text in (query, body):
        found = _SIGNATURE.search(text)
        if found:
            signature = signature or unquote(found[1])
            text = text[: found.start()] + text[found.end() :]
            text = text.removeprefix("&") if not found.start() else text
        parts.append(text)
    return "".join(parts).encode(), signature


def of_object(texts: Mapping[str, str]) -> tuple[bytes, str]:
    """Return what of a request's parameters is signed where they came as an object, sorted by name, and the signature."""
    names = sorted(name for name in texts if name != "signature")
    return "&".join(f"{name}={texts[name]}" for name in names).encode(), texts.get("signature", "")


def by_secret(secret: str) -> Key:
    """Return the key that is a shared secret: it signs by HMAC SHA-256, in hexadecimal."""
    shared = secret.encode()

    def verify(payload: bytes, signature: str) -> bool:
        made = hmac.new(shared, payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(made.encode(), signature.lower().encode())

    return Key(HMAC, verify)


def by_public_key(pem: str) -> Key:
    """Return the key of a public key's holder, who signs by RSA (PKCS #1 v1.5, SHA-256) or Ed25519, in base64.

    Raises ConfigError where the text is neither's public key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise ConfigError(
            "this is no public key of RSA or Ed25519", hint="give the text that begins -----BEGIN PUBLIC KEY-----"
        )

    def verify(payload: bytes, signature: str) -> bool:
        try:
            made = base64.b64decode(signature, validate=True)
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(made, payload, padding.PKCS1v15(), hashes.SHA256())
            else:
                key.verify(made, payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return Key(RSA if isinstance(key, rsa.RSAPublicKey) else ED25519, verify)
