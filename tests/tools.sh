#!/usr/bin/env bash
# The tools that the checks need beside Python: found, else installed by apt, else named.
#   tests/tools.sh node       Node.js and npm can be used
#   tests/tools.sh chromium   prints the path of a Chromium
set -euo pipefail

apt_install() { # succeeds only where apt-get can be used without a question
    command -v apt-get >/dev/null || return 1
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    echo "Installing $* with apt-get." >&2
    "${sudo[@]}" apt-get update -qq >&2 &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2
}

find_chromium() {
    local candidate
    for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        /Applications/Chromium.app/Contents/MacOS/Chromium; do
        if [ -n "$candidate" ] && command -v "$candidate"; then return 0; fi
    done
    return 1
}

give_up() {
    printf '%s\n' "$@" >&2
    exit 1
}

case "${1:-}" in
node)
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then apt_install nodejs npm || true; fi
    # what eslint asks for
    node -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null ||
        give_up "The checks need Node.js 20.19 or newer with npm; found: $(node --version 2>/dev/null || echo none)." \
            "  Debian, Ubuntu: sudo apt-get install nodejs npm   (older than 20.19? take it from https://nodejs.org)" \
            "  Fedora:         sudo dnf install nodejs npm" \
            "  macOS:          brew install node"
    ;;
chromium)
    if command -v fc-list >/dev/null && [ -z "$(fc-list :lang=zh | head -n 1)" ]; then
        apt_install fonts-wqy-zenhei || echo "No font with Chinese characters: screenshots will show boxes." >&2
    fi
    find_chromium || { apt_install chromium && find_chromium; } ||
        give_up "The browser tests need Chromium or Chrome." \
            "  Debian, Ubuntu: sudo apt-get install chromium" \
            "  Fedora:         sudo dnf install chromium" \
            "  macOS:          brew install --cask google-chrome" \
            "  elsewhere:      CHROMIUM=/path/to/chrome make test"
    ;;
*) give_up "usage: tests/tools.sh node|chromium" ;;
esac
