"""Secure Boot V2 signature blocks by another hand: written from docs/formats.md, "Signatures",
over Debian's python3-cryptography, and shares nothing with airlift's C. Makes blocks, and judges
files as Espressif's tool does: every block that is not intact is skipped, one good block is enough.
"""
import hashlib
import struct
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SECTOR, BLOCK = 4096, 1216
CURVES = {"secp192r1": (1, 24), "secp256r1": (2, 32), "secp384r1": (3, 48)}
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def little(number, size):
    return number.to_bytes(size, "little")


def pad(data):
    return data + b"\xff" * (-len(data) % SECTOR)


def wide(key):
    """Does this key sign SHA-384?"""
    return not isinstance(key, rsa.RSAPublicKey) and key.curve.name == "secp384r1"


def image_digest(key, content):
    return (hashlib.sha384 if wide(key) else hashlib.sha256)(content).digest()


def key_part(key):
    """What the key digest covers."""
    if isinstance(key, rsa.RSAPublicKey):
        n, e = key.public_numbers().n, key.public_numbers().e
        return little(n, 384) + little(e, 4) + little(pow(2, 6144, n), 384) + little(-pow(n, -1, 1 << 32) % (1 << 32), 4)
    number, size = CURVES[key.curve.name]
    point = key.public_numbers()
    field = 48 if number == 3 else 32
    return bytes([number]) + (little(point.x, size) + little(point.y, size)).ljust(2 * field, b"\0")


def key_digest(key):
    return hashlib.sha256(key_part(key)).digest()


def block_of(key, digest, signature):
    if isinstance(key, rsa.RSAPublicKey):
        head = struct.pack("<BBH", 0xE7, 2, 0) + digest + key_part(key) + signature[::-1]
    else:
        number, size = CURVES[key.curve.name]
        r, s = utils.decode_dss_signature(signature)
        field = 48 if number == 3 else 32
        head = (bytes([0xE7, 3, 1 if number == 3 else 0, 0]) + digest + key_part(key)
                + (little(r, size) + little(s, size)).ljust(2 * field, b"\0"))
    head = head.ljust(1196, b"\0")
    return head + struct.pack("<I", zlib.crc32(head)) + b"\0" * 16


def sign(private, content):
    key = private.public_key()
    digest = image_digest(key, content)
    if isinstance(key, rsa.RSAPublicKey):
        signature = private.sign(digest, PSS, utils.Prehashed(hashes.SHA256()))
    else:
        hashed = hashes.SHA384() if wide(key) else hashes.SHA256()
        signature = private.sign(digest, ec.ECDSA(utils.Prehashed(hashed)))
    return block_of(key, digest, signature)


def sector_of(blocks):
    return b"".join(blocks).ljust(SECTOR, b"\xff")


def load(path):
    """The public key of a PEM file with either half."""
    with open(path, "rb") as f:
        data = f.read()
    if b"PRIVATE KEY" in data:
        return serialization.load_pem_private_key(data, None).public_key()
    return serialization.load_pem_public_key(data)


def load_private(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def intact(block):
    return block[0] == 0xE7 and block[1] in (2, 3) and zlib.crc32(block[:1196]) == struct.unpack_from("<I", block, 1196)[0]


def blocks(data):
    """The intact blocks at the front of a file's last sector."""
    found = []
    for i in range(3):
        block = data[len(data) - SECTOR + i * BLOCK :][:BLOCK]
        if not intact(block):
            break
        found.append(block)
    return found


def verify(path, key):
    """None if one block of the file is this key's and right, else why not."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 2 * SECTOR or len(data) % SECTOR:
        return "size is not a multiple of 4096"
    content = data[:-SECTOR]
    for block in blocks(data):
        p384 = block[1] == 3 and block[2] == 1
        digest = (hashlib.sha384 if p384 else hashlib.sha256)(content).digest()
        if block[4 : 4 + len(digest)] != digest:
            return "the digest in the block is another one"
        at = 52 if p384 else 36
        part = key_part(key)
        if block[at : at + len(part)] != part:
            continue
        try:
            if block[1] == 2:
                key.verify(block[812:1196][::-1], digest, PSS, utils.Prehashed(hashes.SHA256()))
            else:
                size = CURVES[key.curve.name][1]
                at += 1 + (96 if p384 else 64)
                r, s = (int.from_bytes(block[at + i * size :][:size], "little") for i in range(2))
                key.verify(utils.encode_dss_signature(r, s), digest,
                           ec.ECDSA(utils.Prehashed(hashes.SHA384() if p384 else hashes.SHA256())))
            return None
        except InvalidSignature:
            return "the signature is wrong"
    return "no block of this key"
