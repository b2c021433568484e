#!/usr/bin/env bash
# msibuild and libmsi 0.101 (msitools, Debian 12): a DELETE whose condition fits several rows deletes other rows than
# these, says nothing, and ends with 0.
#
# Six rows, of which banana and lemon are yellow. After DELETE … WHERE `Colour` = 'yellow' one expects apple, cherry,
# plum, pear. Seen, as `msiinfo export` tells it:
#
#   left: apple cherry lemon pear
#
# The first one goes rightly. Then plum goes, which stood one row below lemon, and lemon stays: rows are found before
# any is deleted, and each that is deleted moves those below it up by one. A condition that fits one
# row is safe, so we write one statement a row. Exits with 1 when that changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 "$folder"
apt-get download -q -o APT::Sandbox::User=root msitools=0.101+repack-1 libmsi0=0.101+repack-1 libgsf-1-114 libglib2.0-0 libxml2 libicu72 >/dev/null
for package in ./*.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu
PATH=$folder/root/usr/bin:$PATH

query() {
    msibuild fruit.msi -q "$1"
}

query 'CREATE TABLE `Fruit` (`Name` CHAR(20) NOT NULL, `Colour` CHAR(20) PRIMARY KEY `Name`)'
for row in apple:green banana:yellow cherry:red lemon:yellow plum:blue pear:green; do
    query "INSERT INTO \`Fruit\` (\`Name\`, \`Colour\`) VALUES ('${row%:*}', '${row#*:}')"
done
query "DELETE FROM \`Fruit\` WHERE \`Colour\` = 'yellow'"

# Three lines of head: names, types, the table with its key.
left=$(msiinfo export fruit.msi Fruit | tr -d '\r' | tail -n +4 | cut -f1 | paste -sd' ')
echo "left: $left"
[ "$left" = "apple cherry lemon pear" ]
