// vcsim: VMware's own API simulator (govmomi), for the tests of operations/drivers/vsphere alone.
//
// Build: GO111MODULE=off GOPATH=/usr/share/gocode go build -o FILE .
//
// In front of it stands a proxy that writes each call of a method that acts to a file, one line a call
// (method, object, destination), and that can lose the answer of every n-th one: the call was made, and
// whoever made it will never be told.  A share of all calls can fail: half of them before they were made, half
// after, and a share can take long.  Performance samples that are asked for as CSV come as CSV, as a vCenter
// answers them; the simulator alone writes an element for each number.  It prints its address, and dies with its standard input.
package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
)

var acting = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?((?:RelocateVM|MigrateVM|PowerOnVM|PowerOffVM|EnterMaintenanceMode|ExitMaintenanceMode)_Task)[ >]`)
var object = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?_this[^>]*>([^<]*)<`)
var destination = regexp.MustCompile(`<(?:[A-Za-z0-9]+:)?host [^>]*>([^<]*)<`)

var sample = regexp.MustCompile(`<sampleInfo><timestamp>([^<]*)</timestamp><interval>([^<]*)</interval></sampleInfo>`)

// asCSV turns each series of numbers into one text, and the moments of the samples into another.
func asCSV(answer []byte) []byte {
	var out bytes.Buffer
	for _, part := range bytes.SplitAfter(answer, []byte("</returnval>")) {
		var moments []string
		for _, found := range sample.FindAllSubmatch(part, -1) {
			moments = append(moments, string(found[2])+","+string(found[1]))
		}
		part = sample.ReplaceAll(part, nil)
		told := "</entity><sampleInfoCSV>" + strings.Join(moments, ",") + "</sampleInfoCSV>"
		part = bytes.Replace(part, []byte("</entity>"), []byte(told), 1)
		part = bytes.Replace(part, []byte("</value><value>"), []byte(","), -1)
		part = bytes.Replace(part, []byte("PerfMetricIntSeries"), []byte("PerfMetricSeriesCSV"), -1)
		out.Write(bytes.Replace(part, []byte(`"PerfEntityMetric"`), []byte(`"PerfEntityMetricCSV"`), -1))
	}
	return out.Bytes()
}

func first(pattern *regexp.Regexp, body []byte) string {
	found := pattern.FindSubmatch(body)
	if found == nil {
		return "-"
	}
	return string(found[1])
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address")
	clusters := flag.Int("clusters", 1, "clusters")
	hosts := flag.Int("hosts", 3, "hosts of a cluster")
	vms := flag.Int("vms", 10, "VMs of a cluster")
	stores := flag.Int("datastores", 1, "datastores")
	username := flag.String("username", "", "the only user name that may log in")
	password := flag.String("password", "", "its password")
	calls := flag.String("calls", "", "file that gets a line for each call that acts")
	lose := flag.Int("lose", 0, "lose the answer of every n-th call that acts")
	delay := flag.Int("delay", 0, "milliseconds that a call that acts takes")
	faults := flag.Int("faults", 0, "of a hundred calls that act, how many fail on the way")
	slow := flag.Int("slow", 0, "of a hundred calls that act, how many take -slowness")
	slowness := flag.Duration("slowness", 5*time.Second, "how long these take")
	plain := flag.Bool("plain", false, "HTTP instead of HTTPS")
	flag.Parse()

	model := simulator.VPX()
	model.Cluster, model.ClusterHost, model.Machine = *clusters, *hosts, *vms
	model.Host, model.Datastore = 0, *stores
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	defer model.Remove()
	if *username != "" {
		model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*username, *password)}
	}
	server := model.Service.NewServer()
	defer server.Close()

	var lock sync.Mutex
	var made int
	chance := rand.New(rand.NewSource(7))
	var record io.Writer = ioutil.Discard
	if *calls != "" {
		file, err := os.OpenFile(*calls, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0600)
		if err != nil {
			log.Fatal(err)
		}
		record = file
	}
	inner := &url.URL{Scheme: server.URL.Scheme, Host: server.URL.Host}
	proxy := httputil.NewSingleHostReverseProxy(inner)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Header.Get("X-Csv") == "" {
			return nil
		}
		answer, err := ioutil.ReadAll(r.Body)
		if err != nil {
			return err
		}
		answer = asCSV(answer)
		r.Body = ioutil.NopCloser(bytes.NewReader(answer))
		r.ContentLength = int64(len(answer))
		r.Header.Set("Content-Length", fmt.Sprint(len(answer)))
		return nil
	}
	proxy.ErrorLog = log.New(ioutil.Discard, "", 0)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := ioutil.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = ioutil.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		if bytes.Contains(body, []byte("<format>csv</format>")) {
			r.Header.Set("X-Csv", "yes")
			r.Header.Del("Accept-Encoding")
		}
		found := acting.FindSubmatch(body)
		if found == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		lock.Lock()
		fate := chance.Intn(200)
		long := chance.Intn(100) < *slow
		if fate < *faults {
			lock.Unlock()
			panic(http.ErrAbortHandler) // never made
		}
		made++
		number := made
		fmt.Fprintf(record, "%s %s %s\n", found[1], first(object, body), first(destination, body))
		lock.Unlock()
		time.Sleep(time.Duration(*delay) * time.Millisecond)
		if long {
			time.Sleep(*slowness)
		}
		if (*lose > 0 && number%*lose == 0) || fate >= 200-*faults {
			answer := httptest.NewRecorder()
			proxy.ServeHTTP(answer, r)
			panic(http.ErrAbortHandler) // the call was made; its answer goes nowhere
		}
		proxy.ServeHTTP(w, r)
	})

	outer := httptest.NewUnstartedServer(handler)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	outer.Listener = listener
	outer.Config.ErrorLog = log.New(ioutil.Discard, "", 0)
	if *plain {
		outer.Start()
	} else {
		outer.StartTLS()
		block := pem.Block{Type: "CERTIFICATE", Bytes: outer.Certificate().Raw}
		fmt.Println(strings.Replace(string(pem.EncodeToMemory(&block)), "\n", "|", -1))
	}
	fmt.Println(outer.URL + "/sdk")
	bufio.NewReader(os.Stdin).ReadString('\x00') // until whoever started us is gone
}
