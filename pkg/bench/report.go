package bench

// Report is what a run found. Times are seconds but where the name says other; rates are a second. A figure that could not
// be taken is null, and Notes says why.
type Report struct {
	Mode            Mode     `json:"mode"`
	Quick           bool     `json:"quick"`
	Intake          Intake   `json:"intake"`
	Dispatch        Dispatch `json:"dispatch"`
	HTTP            Dispatch `json:"http"`
	Burst           Burst    `json:"burst"`
	Stop            Stop     `json:"stop"`
	BytesPerPending *float64 `json:"bytes_per_pending"`
	Rebuild         *Rebuild `json:"rebuild"`
	Bare            Bare     `json:"bare"`
	Asynq           *Asynq   `json:"asynq"`
	Sync            float64  `json:"sync_ms"` // median of one write and fsync of 4 KiB where the data are
	Seconds         float64  `json:"seconds"`
	Notes           []string `json:"notes,omitempty"`
}

// Intake is events on the broker's disk → planned reminders folded.
type Intake struct {
	N         int     `json:"n"`
	Rate      float64 `json:"rate"`
	Ratio     float64 `json:"ratio"`      // to the bare loop
	RatioLean float64 `json:"ratio_lean"` // to its lean form
}

// Dispatch is reminders from due to handed over, with the outcome on disk and folded.
type Dispatch struct {
	N         int      `json:"n"`
	Rate      float64  `json:"rate"`
	Ratio     float64  `json:"ratio"`      // to the bare loop
	RatioLean float64  `json:"ratio_lean"` // to its lean form
	VsAsynq   *float64 `json:"vs_asynq"`   // to asynq's rate with an empty handler
}

// Delays is how long after an instant the work was done that was due then.
type Delays struct {
	N    int     `json:"n"`
	P50  float64 `json:"p50_s"`
	P99  float64 `json:"p99_s"`
	Last float64 `json:"last_s"`
}

// Burst is reminders all due at one instant, from due to handed over, while STOPs come in.
type Burst struct {
	Delays
	Barred  int      `json:"barred"`   // of the load, by its own STOPs
	VsAsynq *float64 `json:"vs_asynq"` // asynq's p99 by ours: above 1 ours is sooner
}

// Stop is STOPs during the burst, from the call that journals one until its bar is folded.
type Stop struct {
	N        int     `json:"n"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	FinalP99 float64 `json:"final_p99_ms"` // until acknowledged: nothing to the address is on its way any more
}

// Rebuild is the state made again from the journal.
type Rebuild struct {
	Entries int     `json:"entries"`
	Whole   bool    `json:"whole"` // false when a quick run had no time for all of it
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`
}

// Bare is the bare loop: fetch 256, one script, one synced batch of 256, acknowledge.
type Bare struct {
	Loops
	Before Loops `json:"before"` // the line was measured
	After  Loops `json:"after"`
	Redis  bool  `json:"redis"` // with the script
}

// Loops are the rates of the loop in its two forms. A work queue's broker syncs a record of each message that is
// acknowledged, which is most of what the first takes.
type Loops struct {
	Rate float64 `json:"rate"` // from a work queue, each message acknowledged
	Lean float64 `json:"lean"` // from a stream that is answered once a batch, and emptied by one purge a batch
}

// Asynq is asynq with an empty handler.
type Asynq struct {
	N           int     `json:"n"`
	Rate        float64 `json:"rate"`
	Ratio       float64 `json:"ratio"`       // to the bare loop
	RatioLean   float64 `json:"ratio_lean"`  // to its lean form
	Concurrency int     `json:"concurrency"` // the best of those tried
	Burst       Delays  `json:"burst"`       // tasks scheduled for one instant, by a server that looks for them every few milliseconds
	Pending     Delays  `json:"pending"`     // tasks in its queue already when the server starts
}
