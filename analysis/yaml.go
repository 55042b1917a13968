package analysis

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// UnmarshalYAML is yaml.UnmarshalWithOptions for text that people write. On
// some texts the library panics, all those known with a tag that no file of
// ours has: then that is the error, with its place.
func UnmarshalYAML(text []byte, v any, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if recover() != nil {
			err = oddYAML(text)
		}
	}()
	return yaml.UnmarshalWithOptions(text, v, options...)
}

// oddYAML says what may be wrong with a text that the library cannot decode.
func oddYAML(text []byte) (err error) {
	err = errors.New("this YAML cannot be read: write plain keys, values and lists, without tags, anchors and aliases")
	defer func() { _ = recover() }() // the lexer's are no better reason than the one above
	for _, t := range lexer.Tokenize(string(text)) {
		if t.Type == token.TagType {
			return fmt.Errorf("[%d:%d] a tag (%s) has no place here", t.Position.Line, t.Position.Column, t.Value)
		}
	}
	return err
}
