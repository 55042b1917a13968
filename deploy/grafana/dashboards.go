package grafana

// Dashboards is every dashboard, in the order of the README.
func Dashboards() []*Dashboard {
	return []*Dashboard{fleet(), node(), gpus(), agent()}
}

// What the variables choose: on selects nodes, onGPU devices.
const (
	on    = `cluster=~"$cluster",job=~"$job",instance=~"$node"`
	onGPU = on + `,uuid=~"$gpu"`
	off   = `cluster=~"$cluster",job=~"$job"` // all nodes, whatever is chosen
)

// nodeLink leads from a node's value to the Node dashboard.
func nodeLink() []Link {
	return []Link{{"Node ${__field.labels.instance}", "/d/nodemeter-node?var-node=${__field.labels.instance}&${__url_time_range}&${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}"}}
}

// variables are the choices of every dashboard.
func variables() []Variable {
	return []Variable{
		{Name: "datasource", Label: "Data source", Description: "A Prometheus-compatible server"},
		{Name: "cluster", Label: "Cluster", Description: "Label cluster of the scrape targets", Metric: "nodemeter_build_info", Label2: "cluster"},
		{Name: "job", Label: "Job", Description: "Label job: the scrape job", Metric: "nodemeter_build_info", Label2: "job"},
		{Name: "node", Label: "Node", Description: "Label instance: the node", Metric: "nodemeter_build_info", Label2: "instance"},
		{Name: "gpu", Label: "GPU", Description: "Label uuid: the device, whatever its index", Metric: "nodemeter_gpu_state", Label2: "uuid"},
	}
}

// gpuMeans is what stands beside every GPU utilization.
const gpuMeans = "GPU busy means that at least one kernel was running; it does not say how much of the GPU worked. SM activity, where the device has it, does."
