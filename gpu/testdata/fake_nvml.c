// A stand-in for libnvidia-ml.so.1 that go-nvml loads as the real one.
//
// Its behaviour is read from the file named by NODEMETER_FAKE_NVML before each
// call, so that a test changes it while the reader runs. One directive a line:
//
//	count N               GPUs (default 8)
//	init CODE             what nvmlInit returns
//	util I PERCENT        utilization of GPU I
//	samples I P P P ...   driver samples of GPU I since the call before, 1/6 s apart
//	error I CODE          what every call on GPU I returns (15: lost)
//	sticky I CODE         as error, and for the rest of the process's life
//	hang I                calls on GPU I do not return while this line is there
//	stall I MS            the next call on GPU I takes that long, once
//	hanginit              nvmlInit does not return while this line is there
//	crash I HOW           calls on GPU I end the process: segv, exit127, abort
//	garbage I             impossible answers of GPU I
//	xid I CODE N          GPU I has reported the critical error CODE N times so far
//	reasons I MASK        why GPU I holds its clocks down
//	mig I N               GPU I is cut into N instances
//	print I               calls on GPU I print to standard output
//
// Built with -DWITHOUT_X, function group X is not there, as in older libraries.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <pthread.h>

#define MAX 16
#define MIGS 7
#define EXPORT __attribute__((visibility("default")))

typedef struct device {
	int index, part; // part < 0: a whole GPU
	uint64_t sample_stamp;
	double mj;
	uint64_t mj_at;
} device;

struct script {
	int count, init, hang_init, present;
	int util[MAX], error[MAX], sticky[MAX], hang[MAX], garbage[MAX], mig[MAX], print[MAX], reasons[MAX];
	char crash[MAX][16];
	int xid[MAX], xids[MAX], stall[MAX];
	int nsamples[MAX], samples[MAX][64];
};

static device gpus[MAX], parts[MAX][MIGS];
static int stalled[MAX], stuck[MAX];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

static uint64_t now_us(void) {
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000u + t.tv_nsec / 1000;
}

static void parse(struct script *s, const char *line) {
	int i = 0, v = 0, n = 0, at = 0;
	char word[16];
	if (sscanf(line, "count %d", &v) == 1) s->count = v;
	else if (sscanf(line, "init %d", &v) == 1) s->init = v;
	else if (strncmp(line, "hanginit", 8) == 0) s->hang_init = 1;
	else if (sscanf(line, "util %d %d", &i, &v) == 2) s->util[i % MAX] = v;
	else if (sscanf(line, "error %d %d", &i, &v) == 2) s->error[i % MAX] = v;
	else if (sscanf(line, "sticky %d %d", &i, &v) == 2) s->sticky[i % MAX] = v;
	else if (sscanf(line, "hang %d", &i) == 1) s->hang[i % MAX] = 1;
	else if (sscanf(line, "stall %d %d", &i, &v) == 2) s->stall[i % MAX] = v;
	else if (sscanf(line, "garbage %d", &i) == 1) s->garbage[i % MAX] = 1;
	else if (sscanf(line, "print %d", &i) == 1) s->print[i % MAX] = 1;
	else if (sscanf(line, "crash %d %15s", &i, word) == 2) strcpy(s->crash[i % MAX], word);
	else if (sscanf(line, "xid %d %d %d", &i, &v, &n) == 3) s->xid[i % MAX] = v, s->xids[i % MAX] = n;
	else if (sscanf(line, "reasons %d %i", &i, &v) == 2) s->reasons[i % MAX] = v;
	else if (sscanf(line, "mig %d %d", &i, &v) == 2) s->mig[i % MAX] = v;
	else if (sscanf(line, "samples %d%n", &i, &at) == 1) {
		i %= MAX;
		for (int used; s->nsamples[i] < 64 && sscanf(line + at, "%d%n", &v, &used) == 1; at += used)
			s->samples[i][s->nsamples[i]++] = v;
	}
}

// load reads the script. It is replaced by renaming, so what is read is whole;
// it is parsed only when it has changed.
static struct script load(void) {
	static struct script cached;
	static struct timespec stamp;
	static ino_t inode;
	const char *path = getenv("NODEMETER_FAKE_NVML");
	struct stat st;
	pthread_mutex_lock(&mu);
	if (path != NULL && stat(path, &st) == 0 && (!cached.present || st.st_ino != inode || memcmp(&stamp, &st.st_mtim, sizeof stamp) != 0)) {
		struct script s = {.count = 8, .present = 1};
		char line[512];
		FILE *f = fopen(path, "r");
		if (f != NULL) {
			while (fgets(line, sizeof line, f) != NULL) parse(&s, line);
			fclose(f);
			cached = s, inode = st.st_ino, stamp = st.st_mtim;
		}
	}
	if (!cached.present) cached.count = 8, cached.present = 1;
	struct script s = cached;
	pthread_mutex_unlock(&mu);
	return s;
}

// enter applies the script to a call on a device and returns its code. Built
// with -DWITHOUT_SCRIPT it costs nothing, so that a benchmark measures us.
static int enter(device *d, struct script *s) {
#ifdef WITHOUT_SCRIPT
	static struct script fixed;
	(void)d;
	s->util[0] = 50, s->mig[d->index] = fixed.mig[0], s->garbage[d->index] = 0, s->nsamples[d->index] = 6;
	for (int k = 0; k < 6; k++) s->samples[d->index][k] = 20 * k;
	s->util[d->index] = 50;
	return 0;
#endif
	*s = load();
	int i = d->index;
	if (s->print[i]) printf("a library that prints\n"), fflush(stdout);
	if (strcmp(s->crash[i], "segv") == 0) *(volatile int *)8 = 1;
	if (strcmp(s->crash[i], "exit127") == 0) _exit(127);
	if (strcmp(s->crash[i], "abort") == 0) abort();
	if (s->stall[i] > 0 && !stalled[i]) stalled[i] = 1, usleep(1000 * s->stall[i]);
	while (s->hang[i]) usleep(2000), *s = load();
	if (s->sticky[i] != 0) stuck[i] = s->sticky[i];
	return stuck[i] != 0 ? stuck[i] : s->error[i];
}

#define ENTER(d) struct script s; { int code = enter(d, &s); if (code != 0) return code; }

EXPORT int nvmlInit_v2(void) {
	struct script s = load();
	while (s.hang_init) usleep(2000), s = load();
	for (int i = 0; i < MAX; i++) {
		gpus[i].index = i, gpus[i].part = -1;
		for (int k = 0; k < MIGS; k++) parts[i][k].index = i, parts[i][k].part = k;
	}
	return s.init;
}
EXPORT int nvmlShutdown(void) { return 0; }
EXPORT const char *nvmlErrorString(int code) { (void)code; return "an error of the fake"; }
EXPORT int nvmlSystemGetDriverVersion(char *v, unsigned n) { snprintf(v, n, "570.00.fake"); return 0; }
EXPORT int nvmlSystemGetNVMLVersion(char *v, unsigned n) { snprintf(v, n, "12.570.00.fake"); return 0; }
EXPORT int nvmlSystemGetCudaDriverVersion(int *v) { *v = 12080; return 0; }
EXPORT int nvmlDeviceGetCount_v2(unsigned *n) { *n = load().count; return 0; }
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned i, device **d) {
	struct script s = load();
	if ((int)i >= s.count) return 2;
	*d = &gpus[i];
	return 0;
}
EXPORT int nvmlDeviceGetUUID(device *d, char *v, unsigned n) {
	if (d->part >= 0) snprintf(v, n, "MIG-0000000%d-fake-000%d", d->index, d->part);
	else snprintf(v, n, "GPU-0000000%d-fake", d->index);
	return 0;
}
EXPORT int nvmlDeviceGetName(device *d, char *v, unsigned n) {
	if (d->part >= 0) snprintf(v, n, "NVIDIA Fake 80GB MIG 1g.10gb");
	else snprintf(v, n, "NVIDIA Fake 80GB");
	return 0;
}
struct pci { char legacy[16]; unsigned domain, bus, device, id, sub; char bus_id[32]; };
EXPORT int nvmlDeviceGetPciInfo_v3(device *d, struct pci *p) {
	memset(p, 0, sizeof *p);
	p->bus = 0x10 + d->index;
	return 0;
}
struct rates { unsigned gpu, memory; };
EXPORT int nvmlDeviceGetUtilizationRates(device *d, struct rates *u) {
	ENTER(d)
	if (s.mig[d->index] > 0) return 3;
	u->gpu = s.garbage[d->index] ? 218322032 : s.util[d->index];
	u->memory = s.util[d->index] / 2;
	return 0;
}
struct memory2 { unsigned version; unsigned long long total, reserved, free, used; };
#ifndef WITHOUT_MEMORY2
EXPORT int nvmlDeviceGetMemoryInfo_v2(device *d, struct memory2 *m) {
	ENTER(d)
	m->total = d->part >= 0 ? 10ull << 30 : 80ull << 30;
	m->reserved = 1ull << 30;
	m->used = (unsigned long long)(1 + d->index) << 30;
	m->free = m->total - m->used - m->reserved;
	if (s.garbage[d->index]) m->used = ~0ull;
	return 0;
}
#endif
struct memory1 { unsigned long long total, free, used; };
EXPORT int nvmlDeviceGetMemoryInfo(device *d, struct memory1 *m) {
	ENTER(d)
	m->total = 80ull << 30, m->used = (unsigned long long)(1 + d->index) << 30, m->free = m->total - m->used;
	return 0;
}
static double watts(device *d, struct script *s) { return 100 + 6.0 * s->util[d->index]; }
EXPORT int nvmlDeviceGetPowerUsage(device *d, unsigned *mw) {
	ENTER(d)
	*mw = s.garbage[d->index] ? 4000000000u : (unsigned)(1000 * watts(d, &s));
	return 0;
}
#ifndef WITHOUT_ENERGY
EXPORT int nvmlDeviceGetTotalEnergyConsumption(device *d, unsigned long long *mj) {
	ENTER(d)
	uint64_t now = now_us();
	if (d->mj_at != 0) d->mj += watts(d, &s) * (now - d->mj_at) / 1000;
	else d->mj = 5e6;
	d->mj_at = now;
	*mj = (unsigned long long)d->mj;
	return 0;
}
#endif
EXPORT int nvmlDeviceGetTemperature(device *d, int sensor, unsigned *v) {
	(void)sensor;
	ENTER(d)
	*v = s.garbage[d->index] ? 60000 : 40 + d->index;
	return 0;
}
EXPORT int nvmlDeviceGetClockInfo(device *d, int type, unsigned *mhz) {
	ENTER(d)
	*mhz = type == 1 ? 1980 : 2619;
	return 0;
}
EXPORT int nvmlDeviceGetCurrentClocksEventReasons(device *d, unsigned long long *r) {
	ENTER(d)
	*r = s.reasons[d->index] ? s.reasons[d->index] : s.util[d->index] >= 90 ? 4 : 1;
	return 0;
}
EXPORT int nvmlDeviceGetPerformanceState(device *d, int *p) { ENTER(d) *p = 0; return 0; }
#ifndef WITHOUT_SAMPLES
struct sample { unsigned long long stamp; union { double d; unsigned u; unsigned long long ull; } v; };
EXPORT int nvmlDeviceGetSamples(device *d, int kind, unsigned long long since, int *type, unsigned *n, struct sample *out) {
	ENTER(d)
	if (kind > 2 || s.mig[d->index] > 0) return 3;
	int have = s.nsamples[d->index];
	if (have == 0) return 6;
	if (out == NULL) { *n = 120; return 0; }
	uint64_t now = now_us(), step = 166667;
	*type = 1;
	// The samples end now and are stamped so that all of them are newer than
	// what was asked for, however fast the test ticks.
	if (since < now && (now - since) / have < step) step = (now - since) / have;
	for (int k = 0; k < have; k++) {
		out[k].stamp = now - step * (have - 1 - k);
		int v = s.samples[d->index][k];
		if (s.garbage[d->index] && k == 0) v = 218322032;
		out[k].v.u = kind == 0 ? 100000 + 6000 * v : kind == 2 ? v / 2 : v;
	}
	*n = have;
	return 0;
}
#endif
EXPORT int nvmlDeviceGetEncoderUtilization(device *d, unsigned *u, unsigned *period) { ENTER(d) *u = 7; *period = 1000000; return 0; }
EXPORT int nvmlDeviceGetDecoderUtilization(device *d, unsigned *u, unsigned *period) { ENTER(d) *u = 9; *period = 1000000; return 0; }
EXPORT int nvmlDeviceGetEnforcedPowerLimit(device *d, unsigned *mw) { ENTER(d) *mw = 700000; return 0; }
EXPORT int nvmlDeviceGetFanSpeed(device *d, unsigned *v) { ENTER(d) return 3; (void)v; }
EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(device *d, unsigned *v) { ENTER(d) *v = 5; return 0; }
EXPORT int nvmlDeviceGetCurrPcieLinkWidth(device *d, unsigned *v) { ENTER(d) *v = 16; return 0; }
EXPORT int nvmlDeviceGetPcieReplayCounter(device *d, unsigned *v) { ENTER(d) *v = 3; return 0; }
EXPORT int nvmlDeviceGetPcieThroughput(device *d, int dir, unsigned *v) { ENTER(d) *v = dir == 0 ? 1000 : 2000; return 0; }
EXPORT int nvmlDeviceGetTotalEccErrors(device *d, int kind, int since, unsigned long long *v) { ENTER(d) *v = 1 + kind * 2 + since * 4; return 0; }
EXPORT int nvmlDeviceGetRemappedRows(device *d, unsigned *c, unsigned *u, unsigned *p, unsigned *f) {
	ENTER(d)
	*c = 1, *u = 2, *p = 1, *f = 0;
	return 0;
}
struct field { unsigned id, scope; long long stamp, latency; int type, code; unsigned long long value; };
EXPORT int nvmlDeviceGetFieldValues(device *d, int n, struct field *f) {
	ENTER(d)
	for (int i = 0; i < n; i++) {
		f[i].code = 0, f[i].type = 3;
		if (f[i].id == 82) f[i].value = 61, f[i].type = 1;
		else if (f[i].id == 138) f[i].value = 2048;
		else if (f[i].id == 139) f[i].value = 1024;
		else f[i].code = 3;
	}
	return 0;
}
struct process { unsigned pid; unsigned long long memory; unsigned gi, ci; };
static int processes(device *d, unsigned *n, struct process *p, int want) {
	ENTER(d)
	if (*n < (unsigned)want) { *n = want; return 7; }
	*n = want;
	for (int i = 0; i < want; i++) p[i] = (struct process){.pid = 1000 + 10 * d->index + i, .memory = i == 0 ? 1ull << 30 : ~0ull, .gi = ~0u, .ci = ~0u};
	return 0;
}
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(device *d, unsigned *n, struct process *p) { return processes(d, n, p, 2); }
EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(device *d, unsigned *n, struct process *p) { (void)p; ENTER(d) *n = 0; return 0; }
struct usage { unsigned pid; unsigned long long stamp; unsigned sm, mem, enc, dec; };
EXPORT int nvmlDeviceGetProcessUtilization(device *d, struct usage *u, unsigned *n, unsigned long long since) {
	(void)since;
	ENTER(d)
	if (u == NULL) { *n = 2; return 7; }
	u[0] = (struct usage){.pid = 1000 + 10 * d->index, .stamp = now_us(), .sm = 40};
	u[1] = (struct usage){.pid = 1001 + 10 * d->index, .stamp = now_us(), .sm = 999};
	*n = 2;
	return 0;
}

#ifndef WITHOUT_EVENTS
struct event { device *d; unsigned long long type, data; unsigned gi, ci; };
EXPORT int nvmlEventSetCreate(void **set) { *set = &gpus; return 0; }
EXPORT int nvmlEventSetFree(void *set) { (void)set; return 0; }
EXPORT int nvmlDeviceRegisterEvents(device *d, unsigned long long types, void *set) { (void)d, (void)types, (void)set; return 0; }
static int delivered[MAX];
EXPORT int nvmlEventSetWait_v2(void *set, struct event *e, unsigned ms) {
	(void)set;
	for (unsigned waited = 0; waited < ms; waited += 20, usleep(20000)) { // more often, and it costs more than the agent
		struct script s = load();
		for (int i = 0; i < MAX; i++)
			if (delivered[i] < s.xids[i]) {
				delivered[i]++;
				*e = (struct event){.d = &gpus[i], .type = 8, .data = s.xid[i]};
				return 0;
			}
	}
	return 10;
}
#endif

#ifndef WITHOUT_MIG
EXPORT int nvmlDeviceGetMigMode(device *d, unsigned *current, unsigned *pending) { *current = *pending = load().mig[d->index] > 0; return 0; }
EXPORT int nvmlDeviceGetMaxMigDeviceCount(device *d, unsigned *n) { (void)d; *n = MIGS; return 0; }
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned i, device **part) {
	if ((int)i >= load().mig[d->index]) return 6;
	*part = &parts[d->index][i];
	return 0;
}
EXPORT int nvmlDeviceGetGpuInstanceId(device *d, unsigned *v) { *v = 7 + d->part; return 0; }
EXPORT int nvmlDeviceGetComputeInstanceId(device *d, unsigned *v) { (void)d; *v = 0; return 0; }
#endif

#ifndef WITHOUT_GPM
struct gpm_sample { device *d; int util; };
struct gpm_metric { unsigned id; int code; double value; struct { char *a, *b, *c; } info; };
struct gpm_get { unsigned version, n; struct gpm_sample *a, *b; struct gpm_metric m[1]; };
struct gpm_support { unsigned version, supported; };
EXPORT int nvmlGpmQueryDeviceSupport(device *d, struct gpm_support *v) { (void)d; v->supported = 1; return 0; }
EXPORT int nvmlGpmSampleAlloc(struct gpm_sample **v) { *v = calloc(1, sizeof **v); return 0; }
EXPORT int nvmlGpmSampleFree(struct gpm_sample *v) { free(v); return 0; }
EXPORT int nvmlGpmSampleGet(device *d, struct gpm_sample *v) { ENTER(d) v->d = d, v->util = s.util[d->index]; return 0; }
EXPORT int nvmlGpmMigSampleGet(device *d, unsigned gi, struct gpm_sample *v) { (void)gi; return nvmlGpmSampleGet(d, v); }
EXPORT int nvmlGpmMetricsGet(struct gpm_get *g) {
	for (unsigned i = 0; i < g->n; i++) {
		g->m[i].code = 0;
		g->m[i].value = (g->a->util + g->b->util) / 4.0; // SMs: half of the time a kernel runs
		if (g->m[i].id == 11) g->m[i].code = 3; // no FP64 pipe
	}
	return 0;
}
#endif
