package main

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// system is what the commands have of the world around them.
type system struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool) // of environment variables
	environ        func() []string
	now            func() time.Time
}

func newSystem() *system {
	return &system{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookup: os.LookupEnv, environ: os.Environ, now: time.Now,
	}
}

// terminal says whether somebody looks at what is written to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colored says whether w may be written to in color: https://no-color.org.
func (s *system) colored(w io.Writer) bool {
	no, _ := s.lookup("NO_COLOR")
	kind, _ := s.lookup("TERM")
	return no == "" && kind != "dumb" && terminal(w)
}
