//go:build unix

package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// supervise runs postgres ($1) in the current folder for as long as its
// standard input stays open, then ends it and removes the folder ($2). The
// other end of that input is held by the test process, so that the cluster
// goes when the process goes, even when it is killed. It prints "ready" when
// the server takes connections, or the log of one that did not start.
//
// postmaster.pid says "ready" in its last line; pg_ctl waits for the same.
const supervise = `
exec 3<&0
"$1" -D data >log 2>&1 </dev/null 3<&- &
server=$!
(while read -r _; do :; done; kill -QUIT $server) <&3 >/dev/null 2>&1 &
watcher=$!
while kill -0 $server 2>/dev/null; do
	if grep -q '^ready' data/postmaster.pid 2>/dev/null; then
		ready=yes
		echo ready
		break
	fi
	sleep 0.01
done
[ "$ready" ] || cat log
exec >/dev/null
wait $server
kill $watcher 2>/dev/null
cd / && exec rm -rf "$2"
`

// startCluster makes and starts a cluster that listens on a Unix socket in
// its own folder, where it cannot meet another one.
func startCluster() (*cluster, error) {
	initdb, postgres, err := engine()
	if err != nil {
		return nil, err
	}
	attr, dir, err := quarters()
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir // the caller's own folder may be closed to the server's user
		cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
		cmd.SysProcAttr = attr
		return cmd
	}
	fail := func(doing string, err error, output []byte) (*cluster, error) {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("storetest: %s: %w\n%s", doing, err, output)
	}

	args := []string{"-D", "data", "-U", "bursar", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"}
	if help, err := run(initdb, "--help").Output(); err == nil && strings.Contains(string(help), "--icu-locale") {
		// Production servers seldom sort by bytes. Nor shall this one, so that
		// a query that relies on it is found out here.
		args = append(args, "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	} else {
		args = append(args, "--locale=C")
	}
	if output, err := run(initdb, args...).CombinedOutput(); err != nil {
		return fail("initdb", err, output)
	}
	if err := configure(filepath.Join(dir, "data", "postgresql.auto.conf"), dir); err != nil {
		return fail("configure", err, nil)
	}

	cmd := run("/bin/sh", "-c", supervise, "sh", postgres, dir)
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return fail("start", err, nil)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return fail("start", err, nil)
	}
	if err := cmd.Start(); err != nil {
		return fail("start", err, nil)
	}
	said := bufio.NewReader(output)
	if line, _ := said.ReadString('\n'); line != "ready\n" {
		log, _ := io.ReadAll(said)
		lifeline.Close()
		_ = cmd.Wait() // its output says more
		return fail("start", errors.New("postgres ended"), append([]byte(line), log...))
	}
	return &cluster{
		url: &url.URL{
			Scheme: "postgres", User: url.User("bursar"), Path: "/postgres",
			RawQuery: url.Values{"host": {dir}, "port": {socketPort}}.Encode(),
		},
		stop: sync.OnceFunc(func() {
			lifeline.Close()
			_ = cmd.Wait() // how it ended is of no interest
		}),
	}, nil
}

// debianFolders is where Debian installs each version of PostgreSQL, out of
// everybody's PATH.
var debianFolders = "/usr/lib/postgresql/*/bin"

// engine finds initdb and the postgres beside it.
func engine() (initdb, postgres string, err error) {
	found, _ := filepath.Glob(filepath.Join(debianFolders, "initdb"))
	if inPath, err := exec.LookPath("initdb"); err == nil {
		found = append(found, inPath)
	}
	// Debian's folders sort by version up to 99; PATH, which comes last, wins.
	for i := len(found) - 1; i >= 0; i-- {
		initdb, err := filepath.EvalSymlinks(found[i])
		if err != nil {
			continue
		}
		postgres := filepath.Join(filepath.Dir(initdb), "postgres")
		if _, err := os.Stat(postgres); err == nil {
			return initdb, postgres, nil
		}
	}
	return "", "", errNoEngine
}

// quarters makes the cluster's folder and says how to run a process in it:
// in a session of its own, which an interrupt at the terminal does not reach,
// and never as root, whom postgres refuses.
func quarters() (*syscall.SysProcAttr, string, error) {
	attr := &syscall.SysProcAttr{Setsid: true}
	dir, err := os.MkdirTemp(tempRoot(), "bursar-pg-")
	if err != nil {
		return nil, "", fmt.Errorf("storetest: %w", err)
	}
	if os.Geteuid() != 0 {
		return attr, dir, nil
	}
	uid, gid, err := unprivileged()
	if err == nil {
		err = os.Chown(dir, uid, gid)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", fmt.Errorf("storetest: %w", err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, dir, nil
}

// tempRoot is the temporary folder, or /tmp where that is out of another
// user's reach or too long for the name of a Unix socket (103 bytes on the
// strictest system, with the folder's own name and the socket's).
func tempRoot() string {
	root := os.TempDir()
	if len(root) > 60 {
		return "/tmp"
	}
	for dir := root; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return "/tmp"
		}
		if dir == filepath.Dir(dir) {
			return root
		}
	}
}

// unprivileged is the user who runs the server for root.
func unprivileged() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.Atoi(u.Uid)
		gid, gerr := strconv.Atoi(u.Gid)
		return uid, gid, errors.Join(uerr, gerr)
	}
	return 0, 0, errors.New("postgres does not run as root, and there is neither a user postgres nor a user nobody")
}

// socketPort is the port in the socket's name; the folder makes it unique.
const socketPort = "5432"

// configure appends the cluster's settings.
func configure(file, dir string) error {
	settings := []string{
		"listen_addresses = ''",
		"port = " + socketPort,
		"unix_socket_directories = '" + dir + "'",
		"max_connections = 200",
		"timezone = 'UTC'",
	}
	if os.Getenv(EnvFsync) != "on" {
		settings = append(settings, "fsync = off", "synchronous_commit = off", "full_page_writes = off")
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(settings, "\n") + "\n")
	return errors.Join(err, f.Close())
}
