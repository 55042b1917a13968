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
