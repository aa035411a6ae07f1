//! Images, labels and annotations in the columns of a table, whether it comes from Arrow or
//! Parquet.
//!
//! A [`TableLayout`] is found once in a schema: which columns are read, and whether their types can
//! be. A [`Table`] is these columns of one batch of rows. Cells are read without trusting offsets,
//! because the arrays may lie in a mapping that another process changes after they were validated:
//! the accessors of the crate `arrow-array` skip such checks or panic, so [`bytes_at`] and
//! [`view_at`] make them.

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
use feedmill_macros::Accessors;

use crate::error::{Error, Result};
use crate::sample::{Annotations, FingerprintBuilder, Target};

/// Which columns of a table hold the images and the labels.
///
/// The image column is binary (`binary`, `large_binary`, `binary_view`), or the struct with a field
/// `bytes` that Hugging Face's `datasets` writes. The label column holds integers (classes), lists
/// of integers (several classes) or lists of floats (a weight for each class); a null label is
/// [`Target::None`].
///
/// A column `annotations` of strings holds boxes and keypoints ([`Annotations::from_json`]), and
/// binary columns named `NAME.KIND`, such as `seg.mask`, hold planes as PNG. A null means that
/// there is no annotation.
///
/// # Example: columns of other names
///
/// ```no_run
/// use feedmill::source::{Columns, Parquet};
///
/// let columns = Columns::default().with_image("scan").with_label("diagnosis");
/// let source = Parquet::open_with("scans.parquet", &columns, Parquet::CACHE)?;
/// let unlabeled = Columns::default().with_label(None);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Accessors)]
#[non_exhaustive]
pub struct Columns {
    /// The column of images. The default, `image`, may be absent: then the column of images with
    /// another usual name is read (`img`, `photo`, `jpg`, …), if there is exactly one.
    #[accessor(get)]
    pub(crate) image: String,
    /// The column of labels; `None` reads no labels. The default, `label`, may be absent from a
    /// file; another name may not.
    #[accessor(get)]
    pub(crate) label: Option<String>,
}

impl Columns {
    /// Sets the column of images.
    #[must_use]
    pub fn with_image(self, image: impl Into<String>) -> Columns {
        Columns {
            image: image.into(),
            ..self
        }
    }

    /// Sets the column of labels; `None` reads no labels.
    #[must_use]
    pub fn with_label<'a>(self, label: impl Into<Option<&'a str>>) -> Columns {
        Columns {
            label: label.into().map(str::to_owned),
            ..self
        }
    }
}

impl Default for Columns {
    fn default() -> Columns {
        Columns {
            image: "image".into(),
            label: Some("label".into()),
        }
    }
}

/// Names that data sets use for their column of images.
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

/// Returns the only column of images with a usual name.
///
/// # Errors
///
/// `Config` naming the candidates if there are several, and all columns if there is none.
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
            "no column \"image\" for the images, nor a binary one of another usual name; \
             the columns are {:?}: rename it, or open the file with other `Columns`",
            names(&all)
        ))),
        _ => Err(Error::config(format!(
            "no column \"image\", and {:?} could all be the images: \
             rename the one that is meant, or open the file with other `Columns`",
            names(&candidates)
        ))),
    }
}

/// Which columns of a schema are read, and as what.
#[derive(Clone, Debug)]
pub(super) struct TableLayout {
    columns: Columns,
    /// The columns of annotations.
    annotation_columns: Vec<String>,
    /// The columns to read, by position in the schema: images, labels if there are any,
    /// annotations.
    pub(super) projection: Vec<usize>,
    /// Class names from the metadata of Hugging Face; empty if there are none.
    pub(super) classes: Vec<String>,
}

impl TableLayout {
    /// Finds the columns and checks their types.
    ///
    /// # Errors
    ///
    /// `Config` naming the column that is missing and those that exist, or the type.
    pub(super) fn find(schema: &Schema, columns: &Columns) -> Result<TableLayout> {
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
                "no column \"{name}\" for the {what}; the columns are {found:?}: \
                 rename it, or open the file with other `Columns`"
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
                "the column \"{}\" has type {kind}; \
                 expected binary, or a struct with binary \"bytes\"",
                schema.field(image).name()
            )));
        }
        let (projection, annotation_columns) = (vec![image], Vec::new());
        let mut layout = TableLayout {
            columns: Columns {
                image: schema.field(image).name().clone(),
                label: columns.label.clone(),
            },
            annotation_columns,
            projection,
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
                            "the column \"{name}\" has type {kind}; \
                             expected integers, or lists of integers or floats"
                        )));
                    }
                    layout.projection.push(label);
                    layout.classes = class_names(schema, name);
                }
                None if Columns::default().label.as_ref() == Some(name) => {
                    layout.columns.label = None
                }
                None => return Err(missing("labels", name)),
            }
        }
        for (number, field) in schema.fields().iter().enumerate() {
            if is_annotation(field.name(), field.data_type())
                && !layout.projection.contains(&number)
            {
                layout.projection.push(number);
                layout.annotation_columns.push(field.name().clone());
            }
        }
        Ok(layout)
    }

    /// Returns a layout of one column of single values, which takes the place of the images; `None`
    /// if there is no column of that name.
    ///
    /// # Errors
    ///
    /// `Config` naming its type, if it is a column of bytes, lists or structs.
    pub(super) fn single_value(schema: &Schema, name: &str) -> Result<Option<TableLayout>> {
        let Some(at) = schema
            .fields()
            .iter()
            .position(|field| field.name() == name)
        else {
            return Ok(None);
        };
        let kind = schema.field(at).data_type();
        let single = match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Boolean | DataType::Null => true,
            DataType::Dictionary(_, value) => value.is_integer() || **value == DataType::Utf8,
            kind => kind.is_integer() || kind.is_floating(),
        };
        if !single {
            return Err(Error::config(format!(
                "the column \"{name}\" has type {kind}; expected numbers, strings or booleans"
            )));
        }
        let columns = Columns {
            image: name.to_owned(),
            label: None,
        };
        Ok(Some(TableLayout {
            columns,
            annotation_columns: Vec::new(),
            projection: vec![at],
            classes: Vec::new(),
        }))
    }

    /// Returns a layout of the labels alone; `None` if there are no labels.
    pub(super) fn labels(&self) -> Option<TableLayout> {
        let label = self.columns.label.clone()?;
        let columns = Columns {
            image: label.clone(),
            label: Some(label),
        };
        Some(TableLayout {
            columns,
            annotation_columns: Vec::new(),
            projection: vec![self.projection[1]],
            classes: Vec::new(),
        })
    }

    /// Takes the columns out of one batch of rows.
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
        let (cells, image_struct) = match images.as_struct_opt() {
            Some(images) => {
                let bytes = images.column_by_name("bytes");
                (
                    bytes.ok_or_else(|| Error::corrupt("no field \"bytes\" in the struct"))?,
                    Some(images),
                )
            }
            None => (images, None),
        };
        let path = image_struct
            .and_then(|image_struct| image_struct.column_by_name("path"))
            .map(Arc::clone);
        let labels = match &self.columns.label {
            Some(name) => {
                let labels = column(name)?;
                // A dictionary of classes is expanded here, once, so that reading a label is one
                // step.
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
        let annotation_columns = self
            .annotation_columns
            .iter()
            .map(|name| Ok((name.clone(), Arc::clone(column(name)?))));
        Ok(Table {
            annotation_columns: annotation_columns.collect::<Result<_>>()?,
            image_struct: image_struct
                .filter(|image_struct| image_struct.null_count() > 0)
                .map(|image_struct| Arc::new(image_struct.clone()) as ArrayRef),
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

/// Returns whether a type can be read as images.
fn is_image(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| field.name() == "bytes" && is_binary(field.data_type())),
        kind => is_binary(kind),
    }
}

/// Returns the suffix of the file beside an image that would hold what this column holds, so that
/// columns and files follow one rule.
fn sidecar_suffix(column: &str) -> String {
    if column == "annotations" {
        "json".into()
    } else {
        format!("{column}.png")
    }
}

/// Returns whether a column holds annotations, by its name and type.
fn is_annotation(name: &str, kind: &DataType) -> bool {
    match Sidecar::of(sidecar_suffix(name).as_bytes()) {
        Some(Sidecar::Json) => {
            name == "annotations" && matches!(kind, DataType::Utf8 | DataType::LargeUtf8)
        }
        Some(Sidecar::Plane(..)) => is_binary(kind),
        None => false,
    }
}

/// Returns whether a type can be read as labels.
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

/// Returns the class names that the metadata `huggingface` has at `info.features.LABEL.names`, or
/// below `feature` for a list; empty if it has none.
fn class_names(schema: &Schema, label: &str) -> Vec<String> {
    let Some(text) = schema.metadata().get("huggingface") else {
        return Vec::new();
    };
    let Ok(metadata) = serde_json::from_str::<serde_json::Value>(text) else {
        return Vec::new();
    };
    let feature = &metadata["info"]["features"][label];
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

/// The columns of one batch of rows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The struct around the images, if some rows of it are null.
    image_struct: Option<ArrayRef>,
    cells: ArrayRef,
    path: Option<ArrayRef>,
    labels: Option<ArrayRef>,
    /// The columns of annotations by name.
    annotation_columns: Vec<(String, ArrayRef)>,
}

impl Table {
    /// Returns the number of rows.
    pub(super) fn rows(&self) -> usize {
        self.cells.len()
    }

    /// Returns the bytes of memory that the columns hold.
    pub(super) fn memory(&self) -> u64 {
        let arrays = [Some(&self.cells), self.path.as_ref(), self.labels.as_ref()];
        let annotation_columns = self.annotation_columns.iter().map(|(_, array)| array);
        arrays
            .into_iter()
            .flatten()
            .chain(annotation_columns)
            .map(|array| array.get_array_memory_size() as u64)
            .sum()
    }

    /// Returns the image in a row.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is null, or if its offsets lie outside of the data: a mapped file may have
    /// changed after it was validated.
    pub(super) fn cell(&self, row: usize) -> Result<&[u8]> {
        if self
            .image_struct
            .as_ref()
            .is_some_and(|image_struct| image_struct.is_null(row))
            || self.cells.is_null(row)
        {
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

    /// Returns the label in a row.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a number that cannot be a class, or a null inside a list.
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

    /// Returns the value in a row as text, for a layout of [`TableLayout::single_value`]; a null is
    /// the empty text.
    pub(super) fn text(&self, row: usize) -> Result<String> {
        text_at(&self.cells, row)
    }

    /// Returns the annotations of the image in a row; `None` if it has none.
    ///
    /// # Errors
    ///
    /// `Corrupt` naming the column: the errors of [`Annotations::from_json`], and a plane that is
    /// not an image.
    pub(super) fn annotations(&self, row: usize) -> Result<Option<Annotations>> {
        let mut annotations = None;
        for (name, array) in self
            .annotation_columns
            .iter()
            .filter(|(_, array)| array.is_valid(row))
        {
            let read = |into: &mut Annotations| {
                let cell = any_bytes_at(array, row)
                    .ok_or_else(|| Error::corrupt("the cell lies outside of the column's data"))?;
                let suffix = sidecar_suffix(name);
                Sidecar::of(suffix.as_bytes()).map_or(Ok(()), |kind| kind.read(cell.to_vec(), into))
            };
            read(annotations.get_or_insert_default())
                .map_err(|error| error.at(format_args!("column \"{name}\"")))?;
        }
        Ok(annotations)
    }

    /// Adds the size of the image, the sizes of the annotations and the label of every row to a
    /// fingerprint.
    pub(super) fn hash_into(&self, sum: &mut FingerprintBuilder) {
        for row in 0..self.rows() {
            let size = self.cell(row).map_or(u64::MAX, |cell| cell.len() as u64);
            sum.push(&size.to_le_bytes());
            for (name, array) in self
                .annotation_columns
                .iter()
                .filter(|(_, array)| array.is_valid(row))
            {
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

/// Returns the bytes of a cell of any column of bytes or strings; `None` if they lie outside of its
/// data.
fn any_bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    match array.data_type() {
        DataType::Binary => bytes_at(array.as_bytes::<BinaryType>(), row),
        DataType::LargeBinary => bytes_at(array.as_bytes::<LargeBinaryType>(), row),
        DataType::Utf8 => bytes_at(array.as_bytes::<Utf8Type>(), row),
        DataType::LargeUtf8 => bytes_at(array.as_bytes::<LargeUtf8Type>(), row),
        _ => view_at(array.as_binary_view(), row),
    }
}

/// Returns the bytes of a cell, or `None` if its offsets lie outside of the data.
/// `GenericByteArray::value` trusts the offsets, but a mapping may have changed since they were
/// validated.
fn bytes_at<T: ByteArrayType>(array: &GenericByteArray<T>, row: usize) -> Option<&[u8]> {
    use arrow_buffer::ArrowNativeType as _;
    let offsets = array.value_offsets();
    let (start, end) = (offsets.get(row)?, offsets.get(row + 1)?);
    array.value_data().get(start.to_usize()?..end.to_usize()?)
}

/// Returns the bytes of a cell of views, or `None` if they lie outside of the data. A view has 16
/// bytes (Arrow columnar format, "Variable-size Binary View Layout"): 4 bytes of length, then
/// either up to 12 bytes of the value, or a prefix, the number of a buffer and an offset in it, 4
/// bytes each.
fn view_at(array: &BinaryViewArray, row: usize) -> Option<&[u8]> {
    let view = array.views().get(row)?;
    // The four words of 32 bits of the view, lowest first.
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

/// Returns a single value as text; a null is the empty text.
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

/// Returns an integer of any width; `None` for other types.
fn integer_at(array: &ArrayRef, row: usize) -> Option<i128> {
    macro_rules! integers {
        ($($kind:ident => $primitive:ident),*) => {
            match array.data_type() {
                $(DataType::$kind => {
                    Some(i128::from(array.as_primitive::<$primitive>().value(row)))
                })*
                _ => None,
            }
        };
    }
    integers!(
        Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
        UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type
    )
}

/// Returns an integer as a class.
fn class_at(array: &ArrayRef, row: usize) -> Result<u32> {
    let label = integer_at(array, row)
        .ok_or_else(|| Error::corrupt(format!("a label of type {}", array.data_type())))?;
    u32::try_from(label).map_err(|_| {
        Error::corrupt(format!(
            "the label {label} is not a class; expected 0 to {}",
            u32::MAX
        ))
    })
}

/// Runs a decoder of another crate on bytes of unknown origin and turns a panic into `Corrupt`. The
/// crates `arrow` and `parquet` report most damage and panic over some of it; the mutation tests
/// find, among others, a length of offsets that is not a multiple of their width.
pub(super) fn catch_panic<T>(what: &str, decode: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .map_err(|_| Error::corrupt(format!("{what} is damaged: its decoder panicked")))
}
