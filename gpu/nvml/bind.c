// The go-nvml binding leaves 400 functions undefined for the dynamic linker to
// find lazily once the library is loaded. That has two ends in a dead process:
// with LD_BIND_NOW=1, or linked with -z now, the program does not start at all;
// and a call to a function that an older library lacks exits with status 127.
//
// Here each of them is defined: a jump through a slot of our own. A slot points
// at a function that answers "function not found" (13) until
// nodemeter_nvml_bind has found the real one in the library. The names are
// hidden, so that a library which calls its own functions by name through the
// dynamic linker finds its own.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include "bind.h"

#define HIDDEN __attribute__((visibility("hidden"), used))

// nvml.h: NVML_ERROR_FUNCTION_NOT_FOUND
HIDDEN int nodemeter_nvml_absent(void) { return 13; }

static const char *absent_text(int code) {
	(void)code;
	return "unknown: the library has no nvmlErrorString";
}

#if defined(__x86_64__)
#define JUMP(name) \
	"	jmp *nodemeter_slot_" #name "(%rip)\n"
#elif defined(__aarch64__)
// x16 is the register that the ABI leaves to such veneers.
#define JUMP(name) \
	"	adrp x16, nodemeter_slot_" #name "\n" \
	"	ldr x16, [x16, :lo12:nodemeter_slot_" #name "]\n" \
	"	br x16\n"
#else
#error "NVML is bound on x86-64 and arm64 only; build with CGO_ENABLED=0 here"
#endif

#define DEFINE(name, none) \
	HIDDEN void *nodemeter_slot_##name = (void *)none; \
	__asm__("	.pushsection .text\n" \
		"	.balign 16\n" \
		"	.globl " #name "\n" \
		"	.hidden " #name "\n" \
		"	.type " #name ", %function\n" \
		#name ":\n" JUMP(name) \
		"	.size " #name ", . - " #name "\n" \
		"	.popsection\n");

DEFINE(nvmlErrorString, absent_text)
#define NVML(name) DEFINE(name, nodemeter_nvml_absent)
#include "symbols.h"
#undef NVML

static const struct {
	const char *name;
	void **slot;
} slots[] = {
	{"nvmlErrorString", &nodemeter_slot_nvmlErrorString},
#define NVML(name) {#name, &nodemeter_slot_##name},
#include "symbols.h"
#undef NVML
};

#define SLOTS (sizeof slots / sizeof slots[0])

static void *library;

const char *nodemeter_nvml_bind(const char *path) {
	// RTLD_GLOBAL and lazy, as go-nvml opens it a moment later.
	void *handle = dlopen(path, RTLD_LAZY | RTLD_GLOBAL);
	if (handle == NULL) {
		const char *why = dlerror();
		return why != NULL ? why : "dlopen failed and does not say why";
	}
	library = handle;
	for (size_t i = 0; i < SLOTS; i++) {
		void *f = dlsym(handle, slots[i].name);
		if (f != NULL)
			*slots[i].slot = f;
	}
	return NULL;
}

int nodemeter_nvml_has(const char *name) {
	return library != NULL && dlsym(library, name) != NULL;
}

extern int nvmlGpmMetricsGet(nodemeter_gpm *get);

int nodemeter_gpm_get(nodemeter_gpm *get) { return nvmlGpmMetricsGet(get); }

extern int nvmlDeviceGetSamples(void *device, int kind, unsigned long long since, int *type, unsigned int *count, void *samples);

#define ROOM (sizeof ((nodemeter_samples *)0)->samples / sizeof ((nodemeter_samples *)0)->samples[0])

int nodemeter_samples_get(nodemeter_samples *s, void *device, unsigned long long since) {
	int code;
	unsigned int n = 0;
	s->count = 0;
	if (s->room == 0) {
		if ((code = nvmlDeviceGetSamples(device, s->kind, since, &s->type, &n, NULL)) != 0 || n == 0)
			return code;
		s->room = n < ROOM ? n : ROOM;
	}
	n = s->room;
	if ((code = nvmlDeviceGetSamples(device, s->kind, since, &s->type, &n, s->samples)) != 0)
		return code;
	s->count = n < s->room ? n : s->room;
	return 0;
}
