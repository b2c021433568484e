#!/usr/bin/env bash
# Paramiko 5.0.0, as a server that renews the keys by itself, confirms a channel open that was on its way between
# its own KEXINIT and its NEWKEYS.
#
# RFC 4253 section 7.1: once a party has sent KEXINIT, and until it has sent NEWKEYS, it sends nothing but messages 1 to
# 19 (without service requests) and 20 to 49. A client that holds servers to that ends the session, Paramiko's own among
# them. Requests for which Paramiko answers by `_send_message`, as channel opens and global
# requests, are concerned; what it sends by `_send_user_message` waits, as it has to.
#
# Seen with Python 3.11.2 on Debian 12; message numbers as the server sends them, from its KEXINIT (20) on:
#
#   the server sent: 20 91 31 21
#   the client says: Expecting packet from (31,), got 91
#
# 91 is CHANNEL_OPEN_CONFIRMATION, 31 KEX_ECDH_REPLY, 21 NEWKEYS. Exits with 1 when that changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
/usr/bin/python3 -m venv "$folder/python"
"$folder/python/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: paramiko==5.0.0 \
    bcrypt==5.0.0 cffi==2.1.1 cryptography==50.0.2 invoke==3.0.3 pycparser==3.12 pynacl==1.6.2

cat >"$folder/order.py" <<'EOF'
import logging
import socket
import sys
import threading
import time

import paramiko

# The end of the session is no news: its threads may end as they like.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
threading.excepthook = lambda _: None

KEXINIT, NEWKEYS, CONFIRMATION = 20, 21, 91


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "none"

    def check_auth_none(self, username):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        return paramiko.OPEN_SUCCEEDED


def wait_for(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within 30 s: {what}")
        time.sleep(0.01)


# client <-> near | far <-> server; what the client sends can be held for a while, as a slow way does.
client_end, near = socket.socketpair()
far, server_end = socket.socketpair()
flowing, held = threading.Event(), []
flowing.set()


def carry(source, target, may_hold):
    while data := source.recv(65536):
        if may_hold and not flowing.is_set():
            held.append(len(data))
            flowing.wait()
        target.sendall(data)


for way in ((near, far, True), (far, near, False)):
    threading.Thread(target=carry, args=way, daemon=True).start()

server = paramiko.Transport(server_end)
server.add_server_key(paramiko.ECDSAKey.generate())
sent, send = [], server.packetizer.send_message


def record(message):
    sent.append(message.asbytes()[0])
    send(message)


server.packetizer.send_message = record
started = threading.Event()
server.start_server(event=started, server=Server())
client = paramiko.Transport(client_end)
client.start_client()
client.auth_none("somebody")
wait_for("the log-in", server.is_authenticated)

flowing.clear()
before = len(sent)
said = []


def open_channel():
    try:
        client.open_channel("direct-tcpip", ("127.0.0.1", 1), ("127.0.0.1", 2))
    except paramiko.SSHException as error:
        said.append(error)


threading.Thread(target=open_channel, daemon=True).start()
wait_for("a channel open on its way", lambda: held)
threading.Thread(target=server.renegotiate_keys, daemon=True).start()
wait_for("the server's KEXINIT", lambda: KEXINIT in sent[before:])
flowing.set()
wait_for("the server's NEWKEYS", lambda: NEWKEYS in sent[before:])

order = sent[before : sent.index(NEWKEYS, before) + 1]
print("the server sent:", *order)
wait_for("the client's word", lambda: said)
print("the client says:", *said)
sys.exit(0 if CONFIRMATION in order[order.index(KEXINIT) :] else 1)
EOF
timeout 120 "$folder/python/bin/python" "$folder/order.py"
