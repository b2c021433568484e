// gliderlabs/ssh, on Go's x/crypto/ssh, as a server with the forwarding handler that it ships.
//
// Arguments: PORT, DIRECTORY (of host_key and authorized_keys), REKEY_BYTES; 0: as it likes.
package main

import (
	"log"
	"os"
	"strconv"

	"github.com/gliderlabs/ssh"
	crypto "golang.org/x/crypto/ssh"
)

func main() {
	port, directory := os.Args[1], os.Args[2]
	rekeyBytes, err := strconv.ParseUint(os.Args[3], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(directory + "/host_key")
	if err != nil {
		log.Fatal(err)
	}
	hostKey, err := crypto.ParsePrivateKey(text)
	if err != nil {
		log.Fatal(err)
	}
	server := &ssh.Server{
		Addr: "127.0.0.1:" + port,
		PublicKeyHandler: func(_ ssh.Context, key ssh.PublicKey) bool {
			line, err := os.ReadFile(directory + "/authorized_keys")
			if err != nil {
				return false
			}
			known, _, _, _, err := ssh.ParseAuthorizedKey(line)
			return err == nil && ssh.KeysEqual(key, known)
		},
		LocalPortForwardingCallback: func(ssh.Context, string, uint32) bool { return true },
		ChannelHandlers:             map[string]ssh.ChannelHandler{"direct-tcpip": ssh.DirectTCPIPHandler},
		ServerConfigCallback: func(ssh.Context) *crypto.ServerConfig {
			config := &crypto.ServerConfig{}
			config.RekeyThreshold = rekeyBytes
			return config
		},
	}
	server.AddHostKey(hostKey)
	log.Fatal(server.ListenAndServe())
}
