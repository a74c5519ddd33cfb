package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestMain makes the test binary the program, too, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(stopping{m}, map[string]func(){"bursar": func() { os.Exit(program()) }})
}

// stopping ends the database cluster after the tests.
type stopping struct{ *testing.M }

func (s stopping) Run() int {
	defer storetest.Stop()
	return s.M.Run()
}

// TestScripts runs the transcripts: those in testdata/script on both engines, with
// BURSAR_DATABASE_URL set, and those in testdata/script/sqlite without.
func TestScripts(t *testing.T) {
	run := func(t *testing.T, file, url string) {
		testscript.Run(t, testscript.Params{
			Files: []string{file},
			Setup: func(env *testscript.Env) error {
				if url != "" {
					env.Setenv("BURSAR_DATABASE_URL", url)
				}
				env.Setenv("STRIPE_WEBHOOK_SECRET", "whsec_script")
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"start": start, "stop": stop, "status": status, "until": until, "http": request, "await": await, "listen": hear,
			},
			RequireExplicitExec: true,
		})
	}
	for _, file := range scripts(t, "testdata/script/*.txtar") {
		t.Run(name(file), func(t *testing.T) {
			t.Parallel()
			t.Run("sqlite", func(t *testing.T) { run(t, file, storetest.MigratedSQLite(t)) })
			if testing.Short() { // each command is a process, which takes seconds to start under the race detector
				return
			}
			t.Run("postgres", func(t *testing.T) { run(t, file, storetest.Migrated(t)) })
		})
	}
	for _, file := range scripts(t, "testdata/script/sqlite/*.txtar") {
		t.Run(name(file), func(t *testing.T) {
			t.Parallel()
			run(t, file, "")
		})
	}
}

func scripts(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func name(file string) string { return strings.TrimSuffix(filepath.Base(file), ".txtar") }

// status runs a command that must end with a status: status 2 bursar serve --nope.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	have := 0
	cmd := command(ts, args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	if exit := (*exec.ExitError)(nil); errors.As(cmd.Run(), &exit) {
		have = exit.ExitCode()
	}
	if have != want {
		ts.Fatalf("status %d, want %d", have, want)
	}
}

// until runs a program again and again until it ends with a status: until CODE COMMAND….
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until CODE COMMAND…")
	}
	// A command is all that tells; between two there is a pause.
	for deadline := time.Now().Add(patienceOfTests); ; time.Sleep(10 * time.Millisecond) {
		cmd := command(ts, args[1], args[2:]...)
		_ = cmd.Run() // its status is what counts
		if strconv.Itoa(cmd.ProcessState.ExitCode()) == args[0] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("status %d, not %s", cmd.ProcessState.ExitCode(), args[0])
		}
	}
}

// command is a command in the script's folder and environment.
func command(ts *testscript.TestScript, program string, args ...string) *exec.Cmd {
	path := program
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, program); !strings.Contains(program, "/") {
			if _, err := os.Stat(p); err == nil {
				path = p
				break
			}
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range strings.Fields(ts.Getenv("EXPORTED")) {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "HOME="+ts.Getenv("HOME"), "TMPDIR="+ts.Getenv("TMPDIR"))
	for _, name := range []string{"BURSAR_DATABASE_URL", "STRIPE_WEBHOOK_SECRET"} {
		if text := ts.Getenv(name); text != "" {
			cmd.Env = append(cmd.Env, name+"="+text)
		}
	}
	return cmd
}

// background is a program that start has started.
type background struct {
	cmd      *exec.Cmd
	out, err safeBuffer
	ended    chan error
}

// safeBuffer is written to by a process and read by the test meanwhile.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var (
	backgrounds sync.Map // of *background by script and name
	anyAddress  = regexp.MustCompile(`https?://[0-9a-z.:\[\]]+`)
)

const patienceOfTests = 2 * time.Minute

// start runs a program in the background until it has printed an address, which
// becomes $NAME: start SERVER bursar serve --listen 127.0.0.1:0.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME COMMAND…")
	}
	b := &background{cmd: command(ts, args[1], args[2:]...), ended: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.err
	ts.Check(b.cmd.Start())
	go func() { b.ended <- b.cmd.Wait() }()
	ts.Defer(func() {
		if b.cmd.Process.Kill() == nil {
			<-b.ended
		}
	})
	found := ""
	for deadline := time.Now().Add(patienceOfTests); found == "" && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		found = anyAddress.FindString(b.out.String())
		select {
		case err := <-b.ended:
			b.ended <- err
			ts.Fatalf("%s ended: %v\n%s%s", args[1], err, b.out.String(), b.err.String())
		default:
		}
	}
	if found == "" {
		ts.Fatalf("%s printed no address:\n%s%s", args[1], b.out.String(), b.err.String())
	}
	ts.Setenv(args[0], found)
	backgrounds.Store(ts.Getenv("WORK")+args[0], b)
}

func running(ts *testscript.TestScript, name string) *background {
	b, ok := backgrounds.Load(ts.Getenv("WORK") + name)
	if !ok {
		ts.Fatalf("%s was not started", name)
	}
	return b.(*background)
}

// stop ends a program as an init system does, wants success, and leaves what it
// printed in NAME.out and NAME.err.
func stop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	b := running(ts, args[0])
	ts.Check(b.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-b.ended:
		b.ended <- err
		if err != nil {
			ts.Fatalf("%s: %v\n%s", args[0], err, b.err.String())
		}
	case <-time.After(patienceOfTests):
		ts.Fatalf("%s does not stop", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(b.out.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(b.err.String()), 0o600))
}

// await waits until what a program has printed matches: await NAME PATTERN.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await NAME PATTERN")
	}
	b, pattern := running(ts, args[0]), regexp.MustCompile(args[1])
	for deadline := time.Now().Add(patienceOfTests); !pattern.MatchString(b.out.String()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not print %s but\n%s%s", args[0], pattern, b.out.String(), b.err.String())
		}
	}
}

// request asks for a URL, with a key where one is given, and prints status and
// body; with a body it posts: http URL [KEY [BODY]].
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 3 {
		ts.Fatalf("usage: http URL [KEY [BODY]]")
	}
	method, body := http.MethodGet, ""
	if len(args) == 3 {
		method, body = http.MethodPost, args[2]
	}
	r, err := http.NewRequest(method, args[0], strings.NewReader(body))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(args) > 1 {
		r.Header.Set("Authorization", "Bearer "+args[1])
	}
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, answer)
}
