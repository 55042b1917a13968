package main

import (
	"regexp"
	"strings"
	"time"
)

// The parts of SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) that are used.
type document struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string     `json:"SPDXID"`
	Name      string     `json:"name"`
	Version   string     `json:"versionInfo"`
	Download  string     `json:"downloadLocation"`
	Analyzed  bool       `json:"filesAnalyzed"`
	Concluded string     `json:"licenseConcluded"`
	Declared  string     `json:"licenseDeclared"`
	Checksums []checksum `json:"checksums,omitempty"`
	Refs      []external `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type external struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Of   string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const unknown = "NOASSERTION"

// spdx describes the programs. The same programs make the same text.
func spdx(version string, created time.Time, programs []program) document {
	d := document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "nodemeter-" + version,
		Creation: creation{created.Format(time.RFC3339), []string{"Tool: nodemeter-inventory"}},
	}
	digest := ""
	for _, p := range programs {
		digest += "-" + p.sha256[:16]
		id := "SPDXRef-program-" + p.name
		d.Packages = append(d.Packages, spdxPackage{
			ID: id, Name: p.name, Version: version, Download: unknown, Concluded: unknown, Declared: "Apache-2.0",
			Checksums: []checksum{{"SHA256", p.sha256}},
		})
		d.relate("SPDXRef-DOCUMENT", "DESCRIBES", id)
		for _, m := range append([]module{standard(p)}, p.modules...) {
			d.relate(id, "STATIC_LINK", moduleID(m))
		}
	}
	d.Namespace = "https://spdx.org/spdxdocs/nodemeter-" + version + digest
	libraries := union(programs)
	for _, p := range programs[:1] { // one toolchain builds a release
		libraries = append(libraries, standard(p))
	}
	for _, m := range libraries {
		d.Packages = append(d.Packages, spdxPackage{
			ID: moduleID(m), Name: m.path, Version: m.version, Download: unknown, Concluded: unknown, Declared: unknown,
			Refs: []external{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.path + "@" + m.version}},
		})
	}
	return d
}

// standard is Go's own library, in which vulnerabilities are found too.
func standard(p program) module { return module{"stdlib", strings.TrimPrefix(p.goVersion, "go")} }

func (d *document) relate(of, kind, to string) {
	d.Relationships = append(d.Relationships, relationship{of, kind, to})
}

// moduleID is an SPDX identifier: letters, digits, dots and hyphens.
func moduleID(m module) string {
	return "SPDXRef-module-" + regexp.MustCompile(`[^a-zA-Z0-9.-]`).ReplaceAllString(m.path+"-"+m.version, "-")
}
