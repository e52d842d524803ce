#!/bin/sh
# Makes the directory a git repository with one commit.
set -e
git init --quiet --initial-branch=main
git add --all
git -c user.name=Test -c user.email=test@example.com commit --quiet --message='First version'
