#!/bin/sh
# Makes a disk of the container that it runs in, and puts it into /media with the kernel. Arguments: size of the disk, and who
# is to own the files; input: the key that lets the first user in.
set -eu

# Without what is mounted over it: /proc, and the files that Docker writes for each container.
mount --bind / /mnt
cp /boot/vmlinuz-* /media/kernel
cp /boot/initrd.img-* /media/initrd
rm -f /mnt/pack.sh /mnt/.dockerenv
: > /mnt/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > /mnt/etc/hosts
echo 'nameserver 10.0.2.3' > /mnt/etc/resolv.conf
cat > /mnt/home/admin/.ssh/authorized_keys
chown admin:admin /mnt/home/admin/.ssh/authorized_keys
chmod 0600 /mnt/home/admin/.ssh/authorized_keys
mkfs.ext4 -q -d /mnt /media/disk "$1"
chown "$2" /media/*
