package gpu

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// soname is what NVIDIA's driver package installs and the CUDA runtime loads.
const soname = "libnvidia-ml.so.1"

// libraryDirs are where drivers put the library: multiarch and lib64
// distributions, WSL, NixOS, containers with NVIDIA's toolkit.
var libraryDirs = [...]string{
	"usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "lib64", "lib/x86_64-linux-gnu",
	"usr/lib/x86_64-linux-gnu/nvidia/current", "usr/lib/x86_64-linux-gnu/nvidia", "usr/lib64/nvidia", "usr/lib/nvidia",
	"usr/local/nvidia/lib64", "usr/local/nvidia/lib", "usr/lib/wsl/lib", "run/opengl-driver/lib",
}

// findLibrary looks for libnvidia-ml without loading it, below root ("/" on a
// real machine): in LD_LIBRARY_PATH, the directories of ld.so.conf, and the
// usual ones. It returns "" where there is none.
func findLibrary(root, override string) string {
	if override != "" {
		if exists(override) {
			return override
		}
		return ""
	}
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	for _, d := range append(confDirs(root), libraryDirs[:]...) {
		dirs = append(dirs, filepath.Join(root, d))
	}
	for _, d := range dirs {
		if p := filepath.Join(d, soname); d != "" && exists(p) {
			return p
		}
	}
	return ""
}

// confDirs lists the directories named in ld.so.conf.d.
func confDirs(root string) []string {
	files, _ := filepath.Glob(filepath.Join(root, "etc/ld.so.conf.d/*.conf"))
	var dirs []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue // one unreadable file does not hide the others
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if line := strings.TrimSpace(s.Text()); strings.HasPrefix(line, "/") {
				dirs = append(dirs, line)
			}
		}
		f.Close()
	}
	return dirs
}

// exists follows links: a dangling link left by a removed driver is no library.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// findAMD reports whether the amdgpu driver serves any device.
func findAMD(root string) bool {
	found, _ := filepath.Glob(filepath.Join(root, "sys/bus/pci/drivers/amdgpu/*:*:*.*"))
	return len(found) > 0
}

// idleLibrary reports whether a library that was found by looking is better
// left alone: there is neither driver nor device. Initializing it then would
// only make it try to load a kernel module and create /dev/nvidiactl. Where
// that cannot be told (no /sys), or in WSL and on Tegra, which have GPUs
// without a PCI device, it is not.
func idleLibrary(root string) bool {
	for _, sign := range []string{"proc/driver/nvidia/version", "dev/dxg", "dev/nvhost-gpu", "dev/nvmap"} {
		if exists(filepath.Join(root, sign)) {
			return false
		}
	}
	return exists(filepath.Join(root, "sys/bus/pci/devices")) && !hasNVIDIAHardware(root)
}

// hasNVIDIAHardware reports whether a display or 3D controller of NVIDIA is on
// the PCI bus: without one, a library that finds no driver is just a package
// that somebody installed.
func hasNVIDIAHardware(root string) bool {
	vendors, _ := filepath.Glob(filepath.Join(root, "sys/bus/pci/devices/*/vendor"))
	for _, name := range vendors {
		if firstLine(name) != "0x10de" {
			continue
		}
		// PCI base class 03: display controllers.
		if strings.HasPrefix(firstLine(filepath.Join(filepath.Dir(name), "class")), "0x03") {
			return true
		}
	}
	return false
}

func firstLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}
