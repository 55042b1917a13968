// nodemeter_nvml_bind loads the library at path (or by its soname) and points
// every function at it. It returns NULL, or what the loader said.
const char *nodemeter_nvml_bind(const char *path);

// nodemeter_nvml_has reports whether the bound library has a function.
int nodemeter_nvml_has(const char *name);

// nodemeter_gpm is nvmlGpmMetricsGet_t (nvml.h) with room for more metrics
// than any version of the library has: it may touch them all.
typedef struct {
	unsigned int version;
	unsigned int count;
	void *sample1;
	void *sample2;
	struct {
		unsigned int id;
		unsigned int code;
		double value;
		const char *names[3];
	} metrics[1024];
} nodemeter_gpm;

// nodemeter_gpm_get is nvmlGpmMetricsGet, without the binding's copies of the
// 20 KB structure to and from Go's heap at each tick.
int nodemeter_gpm_get(nodemeter_gpm *get);

// nodemeter_samples is one of a device's sample buffers (nvml.h,
// nvmlDeviceGetSamples). room is how many samples the driver keeps, asked once.
typedef struct {
	int kind;
	int type;
	unsigned int room;
	unsigned int count;
	struct {
		unsigned long long stamp;
		unsigned char value[8];
	} samples[1024];
} nodemeter_samples;

// nodemeter_samples_get reads the samples newer than since, in one call from Go
// and without an allocation. count is at most the room there is, whatever the
// driver says.
int nodemeter_samples_get(nodemeter_samples *s, void *device, unsigned long long since);
