"""Images signed with the keys of tests/data/signing."""

import json
import os
import subprocess
import tempfile

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "signing")
with open(os.path.join(DATA, "keys.json")) as f:
    DIGEST = json.load(f)["keys"]
TYPE = {"rsa_a": "RSA-3072", "rsa_b": "RSA-3072", "p256_a": "ECDSA P-256", "p256_b": "ECDSA P-256", "p384": "ECDSA P-384"}


def key(name):
    return os.path.join(DATA, name + ".pem")


def sign(airlift, image, *names):
    """The file with its signature sector: by these keys, in this order."""
    with tempfile.TemporaryDirectory(prefix="airlift-sign-") as directory:
        plain, out = os.path.join(directory, "plain"), os.path.join(directory, "signed")
        with open(plain, "wb") as f:
            f.write(image)
        words = [word for name in names for word in ("--key", key(name))]
        subprocess.run([airlift, "image", "sign", *words, plain, "-o", out], check=True, capture_output=True)
        with open(out, "rb") as f:
            return f.read()


def signers(*names):
    """As releases and manifests list them."""
    return [{"type": TYPE[name], "key_digest": DIGEST[name], "valid": True} for name in names]
