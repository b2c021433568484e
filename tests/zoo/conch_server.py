"""Twisted Conch as a server, with the forwarding channel that it ships.

Arguments: PORT, DIRECTORY (of `host_key` and `authorized_keys`).
"""

import sys

from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import SSHPublicKeyChecker
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh import factory, forwarding, keys
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.python import log
from zope.interface import implementer


class User(ConchUser):
    """May have connections forwarded, and nothing else."""

    def __init__(self):
        super().__init__()
        self.channelLookup[b"direct-tcpip"] = forwarding.openConnectForwardingClient


@implementer(IRealm)
class Realm:
    """Everyone is the same user."""

    def requestAvatar(self, avatarId, mind, *interfaces):
        return IConchUser, User(), lambda: None


class AuthorizedKeys:
    """One file for all users, read at each log-in."""

    def __init__(self, path):
        self.path = path

    def getAuthorizedKeys(self, username):
        with open(self.path, "rb") as lines:
            return [keys.Key.fromString(line) for line in lines if line.strip()]


def main(port, directory):
    host_key = keys.Key.fromFile(f"{directory}/host_key")
    server = factory.SSHFactory()
    server.portal = Portal(Realm(), [SSHPublicKeyChecker(AuthorizedKeys(f"{directory}/authorized_keys"))])
    server.publicKeys = {b"ssh-ed25519": host_key.public()}
    server.privateKeys = {b"ssh-ed25519": host_key}
    log.startLogging(sys.stderr)
    reactor.listenTCP(port, server, interface="127.0.0.1")
    reactor.run()


main(int(sys.argv[1]), sys.argv[2])
