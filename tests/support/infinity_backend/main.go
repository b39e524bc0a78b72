// Frames of the Infinity data source, as Grafana gets them.
//
// The data source's own modules cannot be had from Go's module proxy. This does with a query what its backend
// parser does (pkg/infinity and infinity-libs' jsonframer, gframer and transformations), in our words, on the
// libraries that do the work there: gjson, govaluate, and Grafana's SDK, whose long to wide conversion and
// whose encoding of frames these are.
//
// A query per line on standard input, its variables filled in; a frame per line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/casbin/govaluate"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/tidwall/gjson"
)

type column struct {
	Selector string `json:"selector"`
	Text     string `json:"text"`
	Type     string `json:"type"`
}

type query struct {
	RefID      string   `json:"refId"`
	Format     string   `json:"format"`
	URL        string   `json:"url"`
	Root       string   `json:"root_selector"`
	Columns    []column `json:"columns"`
	Computed   []column `json:"computed_columns"`
	URLOptions struct {
		Params []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"params"`
	} `json:"url_options"`
}

// answer is a frame, whether an alert can be made of it, and what went wrong.
type answer struct {
	Frame *data.Frame `json:"frame,omitempty"`
	// Swallowed is the error that the data source does not tell: it then shows the long frame.
	Swallowed string `json:"swallowed,omitempty"`
	Error     string `json:"error,omitempty"`
	Alert     bool   `json:"alert"`
	// Body is what the receiver answered.
	Body json.RawMessage `json:"body,omitempty"`
}

func main() {
	base, key := os.Getenv("RECEIVER_URL"), os.Getenv("RECEIVER_KEY")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked query
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			check(out.Encode(answer{Error: err.Error()}))
			continue
		}
		body, err := fetch(base, key, asked)
		if err != nil {
			check(out.Encode(answer{Error: err.Error()}))
			continue
		}
		made := run(body, asked)
		made.Body = json.RawMessage(body)
		check(out.Encode(made))
	}
	check(lines.Err())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(body string, asked query) answer {
	frame, err := framed(body, asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	if asked.Format == "timeseries" && frame.TimeSeriesSchema().Type == data.TimeSeriesTypeLong {
		wide, err := data.LongToWide(frame, &data.FillMissing{Mode: data.FillModeNull})
		if err != nil {
			return answer{Frame: frame, Swallowed: err.Error()}
		}
		frame = wide
	}
	return answer{Frame: frame, Alert: forAlerts(frame)}
}

func fetch(base, key string, asked query) (string, error) {
	address, err := url.Parse(base + asked.URL)
	if err != nil {
		return "", err
	}
	params := address.Query()
	for _, param := range asked.URLOptions.Params {
		params.Set(param.Key, param.Value)
	}
	address.RawQuery = params.Encode()
	request, err := http.NewRequest(http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", "application/json;q=0.9,text/plain")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// framed is the rows as a frame: fields in the order of their names, each nullable.
func framed(body string, asked query) (*data.Frame, error) {
	frame := data.NewFrame(asked.RefID)
	root := gjson.Get(body, asked.Root)
	if !root.IsArray() {
		return nil, fmt.Errorf("no rows at %q", asked.Root)
	}
	rows := root.Array()
	if len(rows) == 0 {
		return frame, nil
	}
	columns := append([]column{}, asked.Columns...)
	sort.SliceStable(columns, func(i, j int) bool { return columns[i].Text < columns[j].Text })
	for _, each := range columns {
		field, err := converted(each, rows)
		if err != nil {
			return nil, err
		}
		frame.Fields = append(frame.Fields, field)
	}
	for _, each := range asked.Computed {
		field, err := computed(each, frame)
		if err != nil {
			return nil, err
		}
		frame.Fields = append(frame.Fields, field)
	}
	return frame, nil
}

func converted(of column, rows []gjson.Result) (*data.Field, error) {
	kinds := map[string]data.FieldType{
		"string":          data.FieldTypeNullableString,
		"number":          data.FieldTypeNullableFloat64,
		"timestamp_epoch": data.FieldTypeNullableTime,
	}
	kind, known := kinds[of.Type]
	if !known {
		return nil, fmt.Errorf("column %q has a type that our dashboards do not use: %q", of.Text, of.Type)
	}
	field := data.NewFieldFromFieldType(kind, len(rows))
	field.Name = of.Text
	for i, row := range rows {
		set(field, i, row.Get(of.Selector))
	}
	return field, nil
}

// set puts in what can be converted; the rest stays null, without a word.
func set(field *data.Field, i int, value gjson.Result) {
	switch field.Type() {
	case data.FieldTypeNullableString:
		if value.Type == gjson.String || value.Type == gjson.Number || value.IsBool() {
			text := fmt.Sprintf("%v", value.Value())
			field.Set(i, &text)
		}
	case data.FieldTypeNullableFloat64:
		if number, err := strconv.ParseFloat(value.String(), 64); err == nil && !value.IsBool() {
			field.Set(i, &number)
		}
	case data.FieldTypeNullableTime:
		if value.Type == gjson.Number {
			moment := time.UnixMilli(int64(value.Num))
			field.Set(i, &moment)
		}
	}
}

// computed is a column of numbers: null where the expression cannot be evaluated.
func computed(of column, frame *data.Frame) (*data.Field, error) {
	expression, err := govaluate.NewEvaluableExpression(of.Selector)
	if err != nil {
		return nil, err
	}
	field := data.NewFieldFromFieldType(data.FieldTypeNullableFloat64, frame.Rows())
	field.Name = of.Text
	for i := 0; i < frame.Rows(); i++ {
		row := map[string]any{}
		for _, each := range frame.Fields {
			if value, ok := each.ConcreteAt(i); ok {
				row[each.Name] = value
			} else {
				row[each.Name] = nil
			}
		}
		if result, err := expression.Evaluate(row); err == nil {
			if number, ok := result.(float64); ok {
				field.Set(i, &number)
			}
		}
	}
	return field, nil
}

// forAlerts tells whether Grafana makes an alert of each row: one number, else text (pkg/expr/converter.go).
func forAlerts(frame *data.Frame) bool {
	numbers := 0
	for _, field := range frame.Fields {
		switch {
		case field.Type().Numeric():
			numbers++
		case field.Type() != data.FieldTypeNullableString:
			return false
		}
	}
	return numbers == 1
}
