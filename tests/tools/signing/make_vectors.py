"""Make tests/data/signing: keys, an image, and its signature sectors, without airlift.

    make_vectors.py IMAGE OUT_DIR

IMAGE is an unsigned app image of at most 8 KiB. Signatures are random, so a second run makes other
files; what is kept was made once. Keys that are there are used again.
"""
import hashlib
import json
import os
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import blocks  # noqa: E402

KINDS = {
    "rsa_a": lambda: rsa.generate_private_key(65537, 3072),
    "rsa_b": lambda: rsa.generate_private_key(65537, 3072),
    "p256_a": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p256_b": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p192": lambda: ec.generate_private_key(ec.SECP192R1()),
}


def key(out, name):
    path = os.path.join(out, name + ".pem")
    if not os.path.exists(path):
        with open(path, "wb") as f:
            f.write(KINDS[name]().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                serialization.NoEncryption()))
    return blocks.load_private(path)


def short_salt(private, content):
    """RSA-PSS with a salt of 20 bytes: right by PSS, wrong for Secure Boot."""
    digest = blocks.image_digest(private.public_key(), content)
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    signature = private.sign(digest, pss, utils.Prehashed(hashes.SHA256()))
    return blocks.block_of(private.public_key(), digest, signature)


def v1(private, image):
    """Secure Boot V1: version 0, then r and s, big-endian."""
    r, s = utils.decode_dss_signature(private.sign(image, ec.ECDSA(hashes.SHA256())))
    return struct.pack("<I", 0) + r.to_bytes(32, "big") + s.to_bytes(32, "big")


def main():
    image_path, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    with open(image_path, "rb") as f:
        image = f.read()
    content = blocks.pad(image)
    keys = {name: key(out, name) for name in KINDS}
    made = {name: blocks.sign(private, content) for name, private in keys.items()}
    files = {
        "app.bin": image,
        "app_v1.sig": v1(keys["p256_a"], image),
        "two.sector": blocks.sector_of([made["rsa_a"], made["rsa_b"]]),
        "three.sector": blocks.sector_of([made["p256_a"], made["rsa_b"], made["p384"]]),
        "salt20.sector": blocks.sector_of([short_salt(keys["rsa_a"], content)]),
    }
    for name, block in made.items():
        files[name + ".sector"] = blocks.sector_of([block])
    for name, data in files.items():
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
    with open(os.path.join(out, "keys.json"), "w", encoding="utf-8") as f:
        json.dump({"sha256": hashlib.sha256(content).hexdigest(), "sha384": hashlib.sha384(content).hexdigest(),
                   "keys": {name: blocks.key_digest(private.public_key()).hex() for name, private in keys.items()}},
                  f, indent=1)
        f.write("\n")


main()
