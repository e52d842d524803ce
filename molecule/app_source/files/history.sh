#!/bin/sh
# Gives the repository of the guest book a history: a tag on the first commit, a program and a link in the second one,
# and branches with links that lead out of the source.
set -eu
cd /srv/git/guestbook
git config user.name Test
git config user.email test@example.com
git config uploadpack.allowAnySHA1InWant true

git tag --annotate --message='Version 1' v1
printf '#!/bin/sh\necho ran\n' > run
chmod 755 run
ln -s run again
git add --all
git commit --quiet --message='Second version'

git switch --quiet --create hostile
ln -s /etc/passwd static/users
git add --all
git commit --quiet --message='A link to a file of the host'

git switch --quiet --create sneaky main
mkdir -p static/a
ln -s ../.. static/a/top
ln -s a/top/../../../../../etc/passwd static/users
git add --all
git commit --quiet --message='A link that leads out by way of another one'

git switch --quiet main
