//! Images and labels in the columns of a table, whatever file the table came from.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    BinaryType, ByteArrayType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, LargeBinaryType, LargeUtf8Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type, Utf8Type,
};
use arrow_array::{Array, ArrayRef, BinaryViewArray, GenericByteArray, RecordBatch};
use arrow_schema::{DataType, Schema};

use super::sidecar::Sidecar;
use crate::error::{Error, Result};
use crate::sample::{Annotations, FingerprintBuilder, Target};

/// Which columns of a table hold the images and the labels.
///
/// The image column is binary (`binary`, `large_binary`, `binary_view`), or Hugging Face's struct
/// with a field `bytes`. The label column holds integers (classes), lists of integers (several
/// classes) or lists of floats (a weight for each class); a null label is [`Target::None`].
///
/// A column `annotations` of strings has boxes and keypoints ([`Annotations::from_json`]), and
/// binary columns named `NAME.KIND`, such as `seg.mask`, have planes as PNG; a null is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The column of images. The default, `image`, may be absent: then the only column of images
    /// with another usual name is taken (`img`, `photo`, `jpg`, …).
    pub image: String,
    /// The column of labels; `None` reads none. The default, `label`, may be absent from a file;
    /// another name may not.
    pub label: Option<String>,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns {
            image: "image".into(),
            label: Some("label".into()),
        }
    }
}

/// Names that data sets give to their column of images.
const USUAL_IMAGE_NAMES: [&str; 10] = [
    "image",
    "img",
    "images",
    "picture",
    "photo",
    "jpg",
    "jpeg",
    "png",
    "webp",
    "pixel_values",
];

/// The only column of images with a usual name.
///
/// # Errors
///
/// `Config` naming the candidates if there are several, and the columns if there is none.
fn usual_image(schema: &Schema) -> Result<usize> {
    let names = |fields: &[usize]| -> Vec<&str> {
        let name = |&at: &usize| schema.field(at).name().as_str();
        fields.iter().take(50).map(name).collect()
    };
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let is_candidate = |at: &usize| {
        let field = schema.field(*at);
        USUAL_IMAGE_NAMES.contains(&field.name().to_lowercase().as_str())
            && is_image(field.data_type())
    };
    let candidates: Vec<usize> = all.iter().copied().filter(is_candidate).collect();
    match candidates[..] {
        [one] => Ok(one),
        [] => Err(Error::config(format!(
            "no column \"image\" for the images, nor a binary one of another usual name; the columns are {:?}: \
             rename it, or open the file with other `Columns`",
            names(&all)
        ))),
        _ => Err(Error::config(format!(
            "no column \"image\", and {:?} could all be the images: rename the one that is meant, or open the file \
             with other `Columns`",
            names(&candidates)
        ))),
    }
}

/// Where the columns lie in a schema.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    columns: Columns,
    /// The columns that annotate images.
    notes: Vec<String>,
    /// The columns to read: images, labels, annotations.
    pub(super) wanted: Vec<usize>,
    /// Class names by Hugging Face's metadata; empty if there are none.
    pub(super) classes: Vec<String>,
}

impl Layout {
    /// Finds the columns and checks their types.
    ///
    /// # Errors
    ///
    /// `Config` naming the column wanted and those found, or the type.
    pub(super) fn of(schema: &Schema, columns: &Columns) -> Result<Layout> {
        let position = |name: &str| {
            schema
                .fields()
                .iter()
                .position(|field| field.name() == name)
        };
        let missing = |what: &str, name: &str| {
            let found: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| &**field.name())
                .take(50)
                .collect();
            Error::config(format!(
                "no column \"{name}\" for the {what}; the columns are {found:?}: rename it, or open the file with other `Columns`"
            ))
        };
        let image = match position(&columns.image) {
            Some(image) => image,
            None if columns.image == Columns::default().image => usual_image(schema)?,
            None => return Err(missing("images", &columns.image)),
        };
        let kind = schema.field(image).data_type();
        if !is_image(kind) {
            return Err(Error::config(format!(
                "the column \"{}\" has type {kind}; expected binary, or a struct with binary \"bytes\"",
                schema.field(image).name()
            )));
        }
        let (wanted, notes) = (vec![image], Vec::new());
        let mut layout = Layout {
            columns: Columns {
                image: schema.field(image).name().clone(),
                label: columns.label.clone(),
            },
            notes,
            wanted,
            classes: Vec::new(),
        };
        if let Some(name) = &columns.label {
            match position(name) {
                Some(label) if label == image => {
                    return Err(Error::config(format!(
                        "the column \"{name}\" is named for images and labels"
                    )));
                }
                Some(label) => {
                    let kind = schema.field(label).data_type();
                    if !is_label(kind) {
                        return Err(Error::config(format!(
                            "the column \"{name}\" has type {kind}; expected integers, or lists of integers or floats"
                        )));
                    }
                    layout.wanted.push(label);
                    layout.classes = class_names(schema, name);
                }
                None if Columns::default().label.as_ref() == Some(name) => {
                    layout.columns.label = None
                }
                None => return Err(missing("labels", name)),
            }
        }
        for (number, field) in schema.fields().iter().enumerate() {
            if is_note(field.name(), field.data_type()) && !layout.wanted.contains(&number) {
                layout.wanted.push(number);
                layout.notes.push(field.name().clone());
            }
        }
        Ok(layout)
    }

    /// A column of single values alone, which stands where images do; `None` if there is none of
    /// that name.
    ///
    /// # Errors
    ///
    /// `Config` naming its type, if it is one of bytes, lists or structs.
    pub(super) fn values(schema: &Schema, name: &str) -> Result<Option<Layout>> {
        let Some(at) = schema
            .fields()
            .iter()
            .position(|field| field.name() == name)
        else {
            return Ok(None);
        };
        let kind = schema.field(at).data_type();
        let single = kind.is_integer()
            || kind.is_floating()
            || matches!(
                kind,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Boolean | DataType::Null
            )
            || matches!(kind, DataType::Dictionary(_, value) if value.is_integer() || **value == DataType::Utf8);
        if !single {
            return Err(Error::config(format!(
                "the column \"{name}\" has type {kind}; expected numbers, strings or booleans"
            )));
        }
        let columns = Columns {
            image: name.to_owned(),
            label: None,
        };
        Ok(Some(Layout {
            columns,
            notes: Vec::new(),
            wanted: vec![at],
            classes: Vec::new(),
        }))
    }

    /// The labels alone; `None` if there are none.
    pub(super) fn labels(&self) -> Option<Layout> {
        let label = self.columns.label.clone()?;
        let columns = Columns {
            image: label.clone(),
            label: Some(label),
        };
        Some(Layout {
            columns,
            notes: Vec::new(),
            wanted: vec![self.wanted[1]],
            classes: Vec::new(),
        })
    }

    /// The columns of one batch of rows.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the batch does not have the columns of the schema.
    pub(super) fn table(&self, batch: &RecordBatch) -> Result<Table> {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| Error::corrupt(format!("no column \"{name}\" in the batch")))
        };
        let images = column(&self.columns.image)?;
        let (cells, outer) = match images.as_struct_opt() {
            Some(images) => {
                let bytes = images.column_by_name("bytes");
                (
                    bytes.ok_or_else(|| Error::corrupt("no field \"bytes\" in the struct"))?,
                    Some(images),
                )
            }
            None => (images, None),
        };
        let path = outer
            .and_then(|outer| outer.column_by_name("path"))
            .map(Arc::clone);
        let labels = match &self.columns.label {
            Some(name) => {
                let labels = column(name)?;
                Some(match labels.data_type() {
                    DataType::Dictionary(..) => {
                        let labels = labels.as_any_dictionary();
                        arrow_select::take::take(labels.values(), labels.keys(), None).map_err(
                            |error| Error::corrupt(format!("the column \"{name}\": {error}")),
                        )?
                    }
                    _ => Arc::clone(labels),
                })
            }
            None => None,
        };
        let notes = self
            .notes
            .iter()
            .map(|name| Ok((name.clone(), Arc::clone(column(name)?))));
        Ok(Table {
            notes: notes.collect::<Result<_>>()?,
            outer: outer
                .filter(|outer| outer.null_count() > 0)
                .map(|outer| Arc::new(outer.clone()) as ArrayRef),
            cells: Arc::clone(cells),
            path,
            labels,
        })
    }
}

fn is_binary(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView
    )
}

fn is_image(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| field.name() == "bytes" && is_binary(field.data_type())),
        kind => is_binary(kind),
    }
}

/// The name of a file beside an image that would hold what such a column holds.
fn suffix(column: &str) -> String {
    if column == "annotations" {
        "json".into()
    } else {
        format!("{column}.png")
    }
}

fn is_note(name: &str, kind: &DataType) -> bool {
    match Sidecar::of(suffix(name).as_bytes()) {
        Some(Sidecar::Json) => {
            name == "annotations" && matches!(kind, DataType::Utf8 | DataType::LargeUtf8)
        }
        Some(Sidecar::Plane(..)) => is_binary(kind),
        None => false,
    }
}

fn is_label(kind: &DataType) -> bool {
    match kind {
        DataType::Null => true,
        DataType::Dictionary(_, value) => value.is_integer(),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            field.data_type().is_integer() || field.data_type().is_floating()
        }
        kind => kind.is_integer(),
    }
}

/// Class names in `info.features.LABEL.names`, or below `feature` for a list, of the metadata
/// `huggingface`.
fn class_names(schema: &Schema, label: &str) -> Vec<String> {
    let Some(text) = schema.metadata().get("huggingface") else {
        return Vec::new();
    };
    let Ok(note) = serde_json::from_str::<serde_json::Value>(text) else {
        return Vec::new();
    };
    let feature = &note["info"]["features"][label];
    let names = [&feature["names"], &feature["feature"]["names"]]
        .into_iter()
        .find_map(|names| names.as_array());
    names
        .and_then(|names| {
            names
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
}

/// The images and labels of one batch of rows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The struct around the cells, if some of it is null.
    outer: Option<ArrayRef>,
    cells: ArrayRef,
    path: Option<ArrayRef>,
    labels: Option<ArrayRef>,
    /// What annotates the images, by column.
    notes: Vec<(String, ArrayRef)>,
}

impl Table {
    pub(super) fn rows(&self) -> usize {
        self.cells.len()
    }

    /// The bytes in memory that the columns keep.
    pub(super) fn memory(&self) -> u64 {
        let arrays = [Some(&self.cells), self.path.as_ref(), self.labels.as_ref()];
        let notes = self.notes.iter().map(|(_, array)| array);
        arrays
            .into_iter()
            .flatten()
            .chain(notes)
            .map(|array| array.get_array_memory_size() as u64)
            .sum()
    }

    /// The image in a row.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is null, or if its offsets lie outside of the data: a mapped file may have
    /// changed after it was validated.
    pub(super) fn cell(&self, row: usize) -> Result<&[u8]> {
        if self.outer.as_ref().is_some_and(|outer| outer.is_null(row)) || self.cells.is_null(row) {
            let path = self.path.as_ref().filter(|path| path.is_valid(row));
            let path = path
                .and_then(|path| path.as_string_opt::<i32>())
                .map(|path| path.value(row));
            return Err(Error::corrupt(match path {
                Some(path) => {
                    let path = crate::storage::names::short(path.as_bytes());
                    format!(
                        "the image is null; only its path \"{path}\" was stored: embed the images"
                    )
                }
                None => "the image is null".to_owned(),
            }));
        }
        any_bytes_at(&self.cells, row)
            .ok_or_else(|| Error::corrupt("the image lies outside of the column's data"))
    }

    /// The label in a row.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a number that is no class, or a null inside a list.
    pub(super) fn target(&self, row: usize) -> Result<Target> {
        let Some(labels) = &self.labels else {
            return Ok(Target::None);
        };
        if labels.is_null(row) || *labels.data_type() == DataType::Null {
            return Ok(Target::None);
        }
        let list = match labels.data_type() {
            DataType::List(_) => labels.as_list::<i32>().value(row),
            DataType::LargeList(_) => labels.as_list::<i64>().value(row),
            DataType::FixedSizeList(_, _) => labels.as_fixed_size_list().value(row),
            _ => return class_at(labels, row).map(Target::Class),
        };
        if list.null_count() > 0 {
            return Err(Error::corrupt("a label list with a null"));
        }
        let items = 0..list.len();
        if list.data_type().is_integer() {
            return items
                .map(|item| class_at(&list, item))
                .collect::<Result<_>>()
                .map(Target::Multi);
        }
        Ok(Target::Soft(match list.data_type() {
            DataType::Float16 => list
                .as_primitive::<Float16Type>()
                .values()
                .iter()
                .map(|value| value.to_f32())
                .collect(),
            DataType::Float64 => list
                .as_primitive::<Float64Type>()
                .values()
                .iter()
                .map(|&value| value as f32)
                .collect(),
            _ => list.as_primitive::<Float32Type>().values().to_vec(),
        }))
    }

    /// A single value as text, for a layout of [`Layout::values`]; a null is the empty text.
    pub(super) fn text(&self, row: usize) -> Result<String> {
        text_at(&self.cells, row)
    }

    /// What annotates the image in a row; `None` if nothing does.
    ///
    /// # Errors
    ///
    /// `Corrupt` naming the column, as [`Annotations::from_json`] and for a plane that is no image.
    pub(super) fn annotations(&self, row: usize) -> Result<Option<Annotations>> {
        let mut annotations = None;
        for (name, array) in self.notes.iter().filter(|(_, array)| array.is_valid(row)) {
            let read = |into: &mut Annotations| {
                let cell = any_bytes_at(array, row)
                    .ok_or_else(|| Error::corrupt("the cell lies outside of the column's data"))?;
                let suffix = suffix(name);
                Sidecar::of(suffix.as_bytes()).map_or(Ok(()), |kind| kind.read(cell.to_vec(), into))
            };
            read(annotations.get_or_insert_default())
                .map_err(|error| error.at(format_args!("column \"{name}\"")))?;
        }
        Ok(annotations)
    }

    /// Adds every row's size and label to a fingerprint.
    pub(super) fn sum(&self, sum: &mut FingerprintBuilder) {
        for row in 0..self.rows() {
            let size = self.cell(row).map_or(u64::MAX, |cell| cell.len() as u64);
            sum.push(&size.to_le_bytes());
            for (name, array) in self.notes.iter().filter(|(_, array)| array.is_valid(row)) {
                sum.push(name.as_bytes());
                sum.push(
                    &any_bytes_at(array, row)
                        .map_or(u64::MAX, |cell| cell.len() as u64)
                        .to_le_bytes(),
                );
            }
            match self.target(row) {
                Ok(Target::None) => sum.push(b""),
                Ok(Target::Class(class)) => sum.push(&class.to_le_bytes()),
                Ok(Target::Multi(classes)) => {
                    sum.push(
                        &classes
                            .iter()
                            .flat_map(|class| class.to_le_bytes())
                            .collect::<Vec<u8>>(),
                    );
                }
                Ok(Target::Soft(weights)) => {
                    sum.push(
                        &weights
                            .iter()
                            .flat_map(|weight| weight.to_le_bytes())
                            .collect::<Vec<u8>>(),
                    );
                }
                Err(error) => sum.push(error.message().as_bytes()),
            }
        }
    }
}

/// The bytes of a cell of any column of bytes or strings.
fn any_bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    match array.data_type() {
        DataType::Binary => bytes_at(array.as_bytes::<BinaryType>(), row),
        DataType::LargeBinary => bytes_at(array.as_bytes::<LargeBinaryType>(), row),
        DataType::Utf8 => bytes_at(array.as_bytes::<Utf8Type>(), row),
        DataType::LargeUtf8 => bytes_at(array.as_bytes::<LargeUtf8Type>(), row),
        _ => view_at(array.as_binary_view(), row),
    }
}

/// `GenericByteArray::value` trusts its offsets; a mapping may have changed since they were
/// validated.
fn bytes_at<T: ByteArrayType>(array: &GenericByteArray<T>, row: usize) -> Option<&[u8]> {
    use arrow_buffer::ArrowNativeType as _;
    let offsets = array.value_offsets();
    let (start, end) = (offsets.get(row)?, offsets.get(row + 1)?);
    array.value_data().get(start.to_usize()?..end.to_usize()?)
}

/// The same for views: 4 bytes of length, then the bytes themselves (up to 12), or a prefix, buffer
/// and offset.
fn view_at(array: &BinaryViewArray, row: usize) -> Option<&[u8]> {
    let view = array.views().get(row)?;
    let field = |index: u32| (*view >> (32 * index)) as u32 as usize;
    let length = field(0);
    if length <= 12 {
        let start = row * 16 + 4;
        return array.views().inner().as_slice().get(start..start + length);
    }
    let start = field(3);
    array
        .data_buffers()
        .get(field(2))?
        .as_slice()
        .get(start..start.checked_add(length)?)
}

fn text_at(array: &ArrayRef, row: usize) -> Result<String> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Ok(String::new());
    }
    Ok(match array.data_type() {
        DataType::Dictionary(..) => {
            let array = array.as_any_dictionary();
            let keys = array.normalized_keys();
            let key = keys.get(row).filter(|key| **key < array.values().len());
            let key = key.ok_or_else(|| Error::corrupt("a key outside of its dictionary"))?;
            return text_at(array.values(), *key);
        }
        DataType::Utf8 | DataType::LargeUtf8 => {
            let bytes = any_bytes_at(array, row)
                .ok_or_else(|| Error::corrupt("a string outside of its data"))?;
            String::from_utf8_lossy(bytes).into_owned()
        }
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Float16 => array
            .as_primitive::<Float16Type>()
            .value(row)
            .to_f32()
            .to_string(),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        kind => match integer_at(array, row) {
            Some(value) => value.to_string(),
            None => return Err(Error::corrupt(format!("a value of type {kind}"))),
        },
    })
}

fn integer_at(array: &ArrayRef, row: usize) -> Option<i128> {
    macro_rules! integers {
        ($($kind:ident => $primitive:ident),*) => {
            match array.data_type() {
                $(DataType::$kind => Some(i128::from(array.as_primitive::<$primitive>().value(row))),)*
                _ => None,
            }
        };
    }
    integers!(
        Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
        UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type
    )
}

fn class_at(array: &ArrayRef, row: usize) -> Result<u32> {
    let label = integer_at(array, row)
        .ok_or_else(|| Error::corrupt(format!("a label of type {}", array.data_type())))?;
    u32::try_from(label).map_err(|_| {
        Error::corrupt(format!(
            "the label {label} is no class; expected 0 to {}",
            u32::MAX
        ))
    })
}

/// Runs a decoder of another crate on bytes of unknown origin. Both crates report most damage and
/// panic over some of it (the mutation tests find a length of offsets that is no multiple of their
/// width, and others), so a panic of theirs is damage, too.
pub(super) fn caught<T>(what: &str, decode: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .map_err(|_| Error::corrupt(format!("{what} is damaged: its decoder panicked")))
}
