#!/bin/sh
# mmdebstrap customize hook: puts the cloud kernel and its modules into the root file system $1 without installing the
# package, whose dependencies (initramfs-tools and more) the guest does not need: the lab makes its own small initrd.
set -eu
root=$1
package=$(chroot "$root" apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
chroot "$root" sh -c 'cd /tmp && apt-get -qq download "$1"' sh "$package"
mkdir "$root/tmp/kernel"
dpkg-deb -x "$root"/tmp/linux-image-*.deb "$root/tmp/kernel"
mkdir -p "$root/usr/lib/modules"
cp -a "$root/tmp/kernel/boot/." "$root/boot/"
for modules in "$root/tmp/kernel/usr/lib/modules" "$root/tmp/kernel/lib/modules"; do
  [ ! -d "$modules" ] || cp -a "$modules/." "$root/usr/lib/modules/"
done
rm -rf "$root/tmp/kernel" "$root"/tmp/linux-image-*.deb
chroot "$root" depmod "$(ls "$root/usr/lib/modules")"
