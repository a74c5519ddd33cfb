package main

import (
	"fmt"
	"reflect"
	"slices"
)

// visibility says whether a command's help lists the settings' flags.
type visibility string

const (
	shown  visibility = ""
	hidden visibility = `hidden:"" `
)

// settingFlags returns a pointer to a struct that has a flag for each setting,
// for kong.Plugins: the flags, too, come from the table. givenFlags reads it
// after kong has parsed the command line. Where only is given, those settings
// alone have flags.
func settingFlags(v visibility, only ...string) any {
	var fields []reflect.StructField
	add := func(flag, help string) {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("Setting%d", len(fields)),
			Type: reflect.TypeFor[*string](), // nil unless given
			Tag:  reflect.StructTag(fmt.Sprintf(`%sname:%q help:%q placeholder:"VALUE" group:"settings"`, v, flag, help)),
		})
	}
	for _, s := range settings(new(Config)) {
		if len(only) > 0 && !slices.Contains(only, s.name) {
			continue
		}
		add(s.flag(), s.doc)
		if s.value.secret {
			add(s.flag()+"-file", "The path of a file that holds --"+s.flag()+".")
		}
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// givenFlags returns those of settingFlags' flags that were given, as
// LoadConfig takes them.
func givenFlags(flags any) map[string]string {
	given := map[string]string{}
	v := reflect.ValueOf(flags).Elem()
	for i := range v.NumField() {
		if text, ok := v.Field(i).Interface().(*string); ok && text != nil {
			given[v.Type().Field(i).Tag.Get("name")] = *text
		}
	}
	return given
}
