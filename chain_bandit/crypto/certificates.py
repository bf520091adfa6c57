"""Certificates for links between nodes: each signs its own, and is known by it and by nothing else."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FIRST_DAY, LAST_DAY = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
"""Long before and after any game: a link is authorised by the list of nodes, not by dates."""


def self_signed(name: str) -> bytes:
    """A fresh P-256 key and its certificate, in PEM. Of the system's chance, which no part of a game depends on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(FIRST_DAY).not_valid_after(LAST_DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + made.public_bytes(serialization.Encoding.PEM)


def name_in(certificate: bytes) -> str:
    """The common name of a certificate, DER; empty where it has none. Raises `ValueError` for other bytes."""
    found = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def public_part(pem: bytes) -> bytes:
    """The certificate alone, DER, of a key and its certificate. Raises `ValueError`."""
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
