package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

func (completionCommand) Help() string {
	return examples(
		"source <(bursar completion bash)",
		"bursar completion zsh > ~/.zfunc/_bursar",
		"bursar completion fish > ~/.config/fish/completions/bursar.fish",
	)
}

// Run prints the script.
func (c completionCommand) Run(s *system) error {
	k, _, err := s.parser(func(int) {})
	if err != nil {
		return err
	}
	places := completionPlaces(k.Model.Node)
	scripts := map[string]func(io.Writer, []completionPlace) error{"bash": completeBash, "zsh": completeZsh, "fish": completeFish}
	return scripts[c.Shell](s.stdout, places)
}

// completionPlace is a place on the command line, after the words of a command,
// and what can follow there.
type completionPlace struct {
	path  string // "events list"; empty: after the program's name
	words []completionWord
}

type completionWord struct{ word, help string }

func (p completionPlace) list() string {
	words := make([]string, len(p.words))
	for i, w := range p.words {
		words[i] = w.word
	}
	return strings.Join(words, " ")
}

func completionPlaces(root *kong.Node) []completionPlace {
	var places []completionPlace
	var walk func(n *kong.Node, path []string)
	walk = func(n *kong.Node, path []string) {
		p := completionPlace{path: strings.Join(path, " ")}
		for _, child := range n.Children {
			p.words = append(p.words, completionWord{child.Name, child.Help})
		}
		for _, arg := range n.Positional {
			for _, word := range arg.EnumSlice() {
				if word != "" {
					p.words = append(p.words, completionWord{word, ""})
				}
			}
		}
		for _, level := range n.AllFlags(true) {
			for _, flag := range level {
				p.words = append(p.words, completionWord{"--" + flag.Name, flag.Help})
			}
		}
		if source, ok := n.Target.Addr().Interface().(interface{ completions() []string }); ok {
			for _, word := range source.completions() {
				p.words = append(p.words, completionWord{word, ""})
			}
		}
		places = append(places, p)
		for _, child := range n.Children {
			walk(child, append(slices.Clone(path), child.Name))
		}
	}
	walk(root, nil)
	return places
}

// completePath is the part that bash and zsh share: it finds the longest path of
// commands among the words that were typed, and sets words to what can follow.
func completePath(w io.Writer, places []completionPlace, typed string) {
	fmt.Fprintf(w, "  local word path='' words=''\n  for word in %s; do\n    case \"${path:+$path }$word\" in\n", typed)
	for _, p := range places[1:] {
		fmt.Fprintf(w, "    '%s') path='%s' ;;\n", p.path, p.path)
	}
	fmt.Fprint(w, "    esac\n  done\n  case \"$path\" in\n")
	for _, p := range places {
		fmt.Fprintf(w, "  '%s') words='%s' ;;\n", p.path, p.list())
	}
	fmt.Fprint(w, "  esac\n")
}

func completeBash(w io.Writer, places []completionPlace) error {
	fmt.Fprint(w, "_bursar() {\n")
	completePath(w, places, `"${COMP_WORDS[@]:1:COMP_CWORD-1}"`)
	_, err := fmt.Fprint(w, "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _bursar bursar\n")
	return err
}

func completeZsh(w io.Writer, places []completionPlace) error {
	fmt.Fprint(w, "#compdef bursar\n_bursar() {\n")
	// path and words mean something to zsh itself.
	var b strings.Builder
	completePath(&b, places, `"${(@)typed[2,CURRENT-1]}"`)
	script := strings.NewReplacer("path", "at", "words", "next").Replace(b.String())
	fmt.Fprint(w, "  local -a typed=(\"${words[@]}\")\n", script)
	_, err := fmt.Fprint(w, "  compadd -- ${=next} || _files\n}\ncompdef _bursar bursar\n")
	return err
}

func completeFish(w io.Writer, places []completionPlace) error {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for _, p := range places {
		var here []string
		for word := range strings.FieldsSeq(p.path) {
			here = append(here, "__fish_seen_subcommand_from "+word)
		}
		var further []string
		for _, other := range places {
			if rest, ok := strings.CutPrefix(other.path, p.path); ok && rest != "" && !strings.Contains(strings.TrimSpace(rest), " ") {
				further = append(further, strings.TrimSpace(rest))
			}
		}
		if len(further) > 0 {
			here = append(here, "not __fish_seen_subcommand_from "+strings.Join(further, " "))
		}
		condition := strings.Join(here, "; and ")
		for _, word := range p.words {
			line := "complete -c bursar -n '" + condition + "'"
			if flag, ok := strings.CutPrefix(word.word, "--"); ok {
				line += " -l " + flag
			} else {
				line += " -a " + word.word
			}
			if word.help != "" {
				line += " -d '" + quote.Replace(word.help) + "'"
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}
