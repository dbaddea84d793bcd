"""certbot's `acme`, for an account or a certificate with a key of either kind."""

import josepy
from acme import client
from cryptography.hazmat.primitives.asymmetric import rsa


def acme(directory, key):
    """A client of the ACME server with this directory. certbot itself makes RSA keys."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk, alg = josepy.JWKRSA(key=key), josepy.RS256
    else:
        jwk, alg = josepy.JWKEC(key=key), josepy.ES256
    net = client.ClientNetwork(jwk, alg=alg, user_agent="annul")
    return client.ClientV2(client.ClientV2.get_directory(directory, net), net)
