"""Paramiko as a server. It has no forwarding of its own: it connects when it is asked for the channel, and a
thread for each direction copies, half-closes, and closes when both have ended.

Arguments: PORT, DIRECTORY (of `host_key` and `authorized_keys`).
"""

import logging
import socket
import sys
import threading

import paramiko

PIECE = 32768


class Server(paramiko.ServerInterface):
    """Lets in who holds an authorized key, and connects to wherever that one asks."""

    def __init__(self, authorized):
        self.authorized = authorized
        self.connected = {}

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        known = key.get_base64() in self.authorized
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        try:
            self.connected[chanid] = socket.create_connection(destination, 10)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED


def down(target, channel):
    """From the target to the channel."""
    try:
        while data := target.recv(PIECE):
            channel.sendall(data)
        channel.shutdown_write()
    except OSError:
        channel.close()


def up(target, channel):
    """From the channel to the target."""
    try:
        while data := channel.recv(PIECE):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def carry(target, channel):
    target.settimeout(None)
    other = start(down, target, channel)
    up(target, channel)
    other.join()
    channel.close()
    target.close()


def serve(stream, key, authorized):
    transport = paramiko.Transport(stream)
    transport.add_server_key(key)
    server = Server(authorized)
    try:
        transport.start_server(server=server)
    except (paramiko.SSHException, EOFError):
        return
    while transport.is_active():
        channel = transport.accept(1)
        if channel is not None:
            start(carry, server.connected.pop(channel.chanid), channel)


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def main(port, directory):
    key = paramiko.Ed25519Key.from_private_key_file(f"{directory}/host_key")
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    while True:
        stream, _ = listener.accept()
        with open(f"{directory}/authorized_keys", encoding="ascii") as lines:
            authorized = {line.split()[1] for line in lines if line.strip()}
        start(serve, stream, key, authorized)


logging.basicConfig(level="DEBUG")
main(int(sys.argv[1]), sys.argv[2])
