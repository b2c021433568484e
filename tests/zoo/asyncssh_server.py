"""AsyncSSH as a server that forwards by its own means.

Arguments: PORT, DIRECTORY (of `host_key` and `authorized_keys`), REKEY_BYTES, REKEY_SECONDS; 0: as it likes.
"""

import asyncio
import logging
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    """Lets in who holds an authorized key, and connects to wherever that one asks."""

    def connection_made(self, conn):
        self.connection = conn

    def begin_auth(self, username):
        self.connection.set_authorized_keys(f"{sys.argv[2]}/authorized_keys")
        return True

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True


async def main(port, directory, rekey_bytes, rekey_seconds):
    options = {}
    if rekey_bytes:
        options["rekey_bytes"] = rekey_bytes
    if rekey_seconds:
        options["rekey_seconds"] = rekey_seconds
        # It looks at the clock when it sends something.
        options["keepalive_interval"] = rekey_seconds
        options["keepalive_count_max"] = 30
    await asyncssh.create_server(
        Server,
        "127.0.0.1",
        port,
        server_host_keys=[f"{directory}/host_key"],
        **options,
    )
    await asyncio.Event().wait()


logging.basicConfig(level="DEBUG")
asyncssh.set_debug_level(1)
asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
